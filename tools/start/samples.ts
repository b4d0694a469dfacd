import { hash, randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import { provenanceText, readProvenance } from '@airlock/domain'
import type { Client } from '@airlock/testkit/http'
import { type ListedSample, listedSamples } from '@airlock/testkit/samples'
import { type Screen, width } from './screen.ts'

/** The result of a sample. */
export interface SampleResult {
  readonly file: string
  readonly expected: string
  /** `completed`, or the code of the refusal. */
  readonly verdict: string
  /** Who decided: `refused` by the gateway, `rejected` by inspection. */
  readonly status: 'completed' | 'refused' | 'rejected' | 'failed'
  /** From the first byte sent to the final verdict. */
  readonly ms: number
  /** What the file states about its making; null if it states nothing. */
  readonly statement: string | null
  /** A remark about an unexpected result; otherwise empty. */
  readonly detail: string
  /** Whether the result is as expected. */
  readonly ok: boolean
}

/**
 * Uploads every sample to a running gateway in sequence, and downloads the assets. A sample without a response is a result too: the others
 * continue.
 *
 * @param onResult called with each result as it is known
 * @throws the reason of `signal` if it aborts
 */
export async function sendSamples(client: Client, onResult: (result: SampleResult) => void, signal?: AbortSignal): Promise<SampleResult[]> {
  const places: Places = { generated_video: { project_id: randomUUID() }, lora_training: { brand_id: randomUUID() } }
  const results: SampleResult[] = []
  for (const sample of listedSamples()) {
    const result = await sendSample(sample, client, places)
    signal?.throwIfAborted()
    results.push(result)
    onResult(result)
  }
  return results
}

/** The additional required fields, by asset type. */
type Places = Readonly<Record<string, Readonly<Record<string, string>>>>

async function sendSample(sample: ListedSample, client: Client, places: Places): Promise<SampleResult> {
  const { file, asset_type, expected, mediaType, bytes } = sample
  const name = basename(file)
  const fields = { asset_type, ...places[asset_type] }
  const begun = performance.now()
  const outcome = await client.send({ name, mediaType, bytes, fields }).catch(noAnswer)
  const sent = { file, expected, ms: Math.round(performance.now() - begun) }
  const fetched = outcome.status === 'completed' ? await client.download(outcome.assetId).catch(noAnswer) : outcome
  if ('code' in fetched) {
    const { status, code: verdict, detail } = fetched
    const ok = verdict === expected
    return { ...sent, verdict, status, statement: null, detail: ok ? '' : detail, ok }
  }
  const sameBytes = hash('sha256', fetched.bytes) === hash('sha256', bytes)
  const detail = sameBytes ? '' : 'the presigned URL gave other bytes than were sent'
  const statement = outcome.status === 'completed' ? statementOf(outcome.provenance) : null
  return { ...sent, verdict: outcome.status, status: outcome.status, statement, detail, ok: expected === outcome.status && sameBytes }
}

function statementOf(answered: unknown): string | null {
  const provenance = readProvenance(answered)
  return provenance === null ? null : provenanceText(provenance)
}

const noAnswer = (error: unknown): { status: 'failed'; code: string; detail: string } => ({
  status: 'failed',
  code: 'no_answer',
  detail: error instanceof Error ? error.message : String(error),
})

/** Wide enough for the longest name and verdict of our samples. */
const columnWidths = { name: 33, verdict: 28, ms: 9 } as const

/** `✓ Harbour at dusk.jpg  completed  90 ms`, in columns. What the file states about its making, and what was expected instead, are on separate lines. */
export function sampleLine(
  { file, expected, verdict, status, ms, statement, detail, ok }: SampleResult,
  { colour }: Pick<Screen, 'colour'>,
): string {
  const mark = ok ? colour('green', '✓') : colour('red', '✗')
  const shown = status === 'completed' ? status : `${status}: ${verdict}`
  const line = [
    padded(basename(file), columnWidths.name),
    padded(shown, columnWidths.verdict),
    colour('dim', `${ms} ms`.padStart(columnWidths.ms)),
  ]
  const remark = verdict === expected ? detail : `expected: ${expected}${detail && `. ${detail}`}`
  return [`${mark} ${line.join('  ')}`, ...(statement === null ? [] : [clipped(statement)]), ...(remark === '' ? [] : [remark])].join(
    '\n    ',
  )
}

const padded = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - width(text)))

/** Fits 80 columns behind four spaces. */
const clipped = (text: string): string => (width(text) <= 76 ? text : `${[...text].slice(0, 75).join('')}…`)

/** The results in one sentence. */
export function sampleSummary(results: readonly SampleResult[]): string {
  const good = results.filter(({ ok }) => ok).length
  const count = `${good} of ${results.length} samples as expected`
  return good === results.length ? `${count}; every accepted file came back through its presigned URL with the same SHA-256.` : `${count}.`
}
