import type { AssetType } from '@airlock/client'

/**
 * What the page knows of an upload. `interrupted`: the page was reloaded while it was sent. `refused`: by the gateway, `rejected`: by inspection. `failed`:
 * through no fault of the file.
 */
export type Phase =
  | 'waiting'
  | 'sending'
  | 'queued'
  | 'processing'
  | 'completed'
  | 'rejected'
  | 'refused'
  | 'failed'
  | 'cancelled'
  | 'interrupted'

export interface Reason {
  readonly code: string
  readonly detail: string
  /** When repeating may help, in ms since 1970. */
  readonly retryAt?: number | undefined
}

/** The moments of an upload, as this browser has seen them, in ms since 1970. */
interface Moments {
  readonly begun?: number | undefined
  readonly received?: number | undefined
  readonly processing?: number | undefined
  readonly ended?: number | undefined
}

export interface UploadItem {
  readonly id: string
  readonly name: string
  readonly sizeBytes: number
  readonly lastModified: number
  readonly kind: AssetType
  readonly projectId?: string | undefined
  readonly brandId?: string | undefined
  /** For a sample: its path below `examples/samples`, and where the gateway serves it. */
  readonly sample: { readonly file: string; readonly url: string } | null
  readonly phase: Phase
  readonly moments: Moments
  readonly sentBytes: number
  readonly bytesPerSecond: number | null
  /** What an earlier run had sent. */
  readonly continuedFrom: number | null
  readonly jobId: string | null
  readonly asset: { readonly id: string; readonly url: string; readonly mediaType: string | null; readonly hash: string | null } | null
  readonly reason: Reason | null
}

export const hasEnded = ({ phase }: Pick<UploadItem, 'phase'>): boolean =>
  ['completed', 'rejected', 'refused', 'failed', 'cancelled'].includes(phase)

/** The words for a phase. */
export const phaseText: Readonly<Record<Phase, string>> = {
  waiting: 'Waiting',
  sending: 'Sending',
  queued: 'Received',
  processing: 'Inspecting',
  completed: 'Completed',
  rejected: 'Rejected',
  refused: 'Refused',
  failed: 'Failed',
  cancelled: 'Cancelled',
  interrupted: 'Interrupted',
}

export interface Step {
  readonly title: string
  readonly is: 'done' | 'now' | 'ahead' | 'bad'
  readonly at: number | undefined
  /** Since the upload has begun, in ms. */
  readonly afterMs: number | undefined
}

/** The timeline: what has happened, what happens now, and what is ahead if all goes well. */
export function stepsOf({ phase, moments }: Pick<UploadItem, 'phase' | 'moments'>): Step[] {
  const { begun, received, processing, ended } = moments
  const step = (title: string, is: Step['is'], at: number | undefined): Step => ({
    title,
    is,
    at,
    afterMs: at === undefined || begun === undefined ? undefined : at - begun,
  })
  const isOver = hasEnded({ phase })
  const passed = (at: number | undefined, now: boolean): Step['is'] => (now ? 'now' : at === undefined ? 'ahead' : 'done')
  const steps = [
    step('Receiving', passed(begun, phase === 'sending'), begun),
    step('Received', passed(received, phase === 'queued'), received),
    step('Processing', passed(processing, phase === 'processing'), processing),
    step(isOver ? phaseText[phase] : 'Completed', isOver ? (phase === 'completed' ? 'done' : 'bad') : 'ahead', ended),
  ]
  // A refused or cancelled upload has skipped some steps; of a quick one, the page may have missed that it was processed.
  if (!isOver) return steps
  return steps
    .filter(({ is }, i) => is !== 'ahead' || ((phase === 'completed' || phase === 'rejected') && i < 3))
    .map((one) => (one.is === 'ahead' ? { ...one, is: 'done' } : one))
}

/** After a reload: what was being sent is interrupted, because the browser keeps no files. */
export const afterReload = (item: UploadItem): UploadItem =>
  item.phase === 'waiting' || item.phase === 'sending' ? { ...item, phase: 'interrupted', bytesPerSecond: null } : item

/** Whether a chosen file is the one of an interrupted upload. */
export const isSameFile = (item: UploadItem, { name, size, lastModified }: Pick<File, 'name' | 'size' | 'lastModified'>): boolean =>
  name === item.name && size === item.sizeBytes && lastModified === item.lastModified
