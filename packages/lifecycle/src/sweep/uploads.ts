import type { UploadRecord } from '@airlock/database'
import { assetKind } from '@airlock/domain'
import { JobQueueUnreachable, type QueueLane } from '@airlock/queue'
import { abandonOverdue, abandonStale } from '../moves/abandon.ts'
import { type Moved, rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

/** The end of a batch that is ordered by age. */
export interface Cursor {
  readonly at: Date
  readonly id: string
}

/** A cursor as text, which the sweep lease stores. */
export const encodeCursor = (cursor: Cursor | null): string | null => (cursor === null ? null : `${cursor.at.toISOString()} ${cursor.id}`)

export function decodeCursor(text: string | null): Cursor | null {
  if (text === null) return null
  const [at = '', id = ''] = text.split(' ')
  return { at: new Date(at), id }
}

/** The maximum of uploads in a batch. */
const limit = 200

/** Accepted uploads on which no worker works: the job was lost, or never added. */
export const waiting = rule<UploadRecord>({
  async finds(after, { uploads }, { enqueueAfterSeconds }) {
    const batch = await uploads.waiting({ olderThanSeconds: enqueueAfterSeconds, limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  moves: enqueueAgain,
  wouldMove: wouldEnqueue,
  message: 'upload had no job, enqueued again',
  about,
})

/** Uploads whose worker stopped renewing its lease. If it comes back, its attempt no longer changes anything. */
export const lapsed = rule<UploadRecord>({
  async finds(after, { uploads }) {
    const batch = await uploads.lapsed({ limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  moves: enqueueAgain,
  wouldMove: wouldEnqueue,
  message: "worker's lease expired, upload enqueued again",
  about,
})

function about({ id, state }: UploadRecord): object {
  return { uploadId: id, state }
}

function enqueueAgain(upload: UploadRecord, deps: SweepDeps): Promise<Moved> {
  return ifReachable(upload, deps, (lane) =>
    deps.jobQueue.ensureEnqueued(lane, {
      uploadId: upload.id,
      priority: upload.priority ?? undefined,
      traceparent: upload.traceparent,
    }),
  )
}

function wouldEnqueue(upload: UploadRecord, deps: SweepDeps): Promise<Moved> {
  return ifReachable(upload, deps, async (lane) => !(await deps.jobQueue.isEnqueued(lane, upload.id)))
}

async function ifReachable(
  { id, assetType }: UploadRecord,
  { log }: SweepDeps,
  enqueue: (lane: QueueLane) => Promise<boolean>,
): Promise<Moved> {
  if (assetType === null) throw new Error(`upload ${id} was accepted without an asset type`)
  try {
    return (await enqueue(assetKind(assetType).lane)) ? 'moved' : 'nothing to do'
  } catch (err) {
    if (!(err instanceof JobQueueUnreachable)) throw err
    log.warn({ uploadId: id, err }, 'upload not enqueued, the next sweep retries')
    return 'queue unreachable'
  }
}

/** Uploads at the gateway that never arrived completely. */
export const stale = rule<UploadRecord>({
  async finds(after, { uploads }, { receivingForSeconds }) {
    const batch = await uploads.stale({ olderThanSeconds: receivingForSeconds, limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  moves: async (upload, deps) => ((await abandonStale(upload, deps)) ? 'moved' : 'nothing to do'),
  message: 'upload never arrived completely, abandoned',
  about,
  removes: true,
})

/** Direct uploads that their clients did not complete in time. */
export const overdue = rule<UploadRecord>({
  async finds(after, { uploads }) {
    const batch = await uploads.expiredDirect({ limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  moves: async (upload, deps) => ((await abandonOverdue(upload, deps)) ? 'moved' : 'nothing to do'),
  message: 'direct upload not completed in time, abandoned',
  about,
  removes: true,
})

/** Final uploads that are older than the retention of upload records. Parked uploads wait for an operator without a limit. */
export const outdated = rule<UploadRecord>({
  async finds(after, { uploads }, { uploadRecordDays: olderThanDays }) {
    const batch = await uploads.outdated({ olderThanDays, limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  async moves({ id }, { uploads }, { uploadRecordDays: olderThanDays }) {
    return (await uploads.forget(id, { olderThanDays })) ? 'moved' : 'nothing to do'
  },
  message: 'record of an old upload deleted',
  about,
  removes: true,
  rests: true,
})
