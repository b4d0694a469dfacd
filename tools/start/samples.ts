import { hash, randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import type { Client } from '@airlock/testkit/http'
import { type ListedSample, listedSamples } from '@airlock/testkit/samples'

/** The result of a sample. */
export interface SampleResult {
  readonly file: string
  readonly expected: string
  readonly verdict: string
  /** Its final key, if it became an asset. */
  readonly key: string | null
  readonly sizeBytes: number
  /** From the first byte sent to the final verdict. */
  readonly ms: number
  /** A remark about an unexpected result; otherwise empty. */
  readonly detail: string
  /** Whether the result is as expected. */
  readonly ok: boolean
}

/**
 * Uploads every sample to a running gateway in sequence, and downloads the assets. A sample without a response is a result too: the others
 * continue.
 */
export async function sendSamples(client: Client): Promise<SampleResult[]> {
  const places: Places = { generated_video: { project_id: randomUUID() }, lora_training: { brand_id: randomUUID() } }
  const results: SampleResult[] = []
  for (const sample of listedSamples()) results.push(await sendSample(sample, client, places))
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
  const sent = { file, expected, sizeBytes: bytes.byteLength, ms: Math.round(performance.now() - begun) }
  const fetched = outcome.status === 'completed' ? await client.download(outcome.assetId).catch(noAnswer) : outcome
  if ('code' in fetched) {
    const { code: verdict, detail } = fetched
    const ok = verdict === expected
    return { ...sent, verdict, key: null, detail: ok ? '' : detail, ok }
  }
  const sameBytes = hash('sha256', fetched.bytes) === hash('sha256', bytes)
  const detail = sameBytes ? '' : 'the presigned URL gave other bytes than were sent'
  return { ...sent, verdict: outcome.status, key: fetched.key, detail, ok: expected === outcome.status && sameBytes }
}

const noAnswer = (error: unknown): { status: 'failed'; code: string; detail: string } => ({
  status: 'failed',
  code: 'no_answer',
  detail: error instanceof Error ? error.message : String(error),
})

/** The results as a table for the terminal, followed by a sentence. */
export function sampleReport(results: readonly SampleResult[]): string {
  const table = renderTable(
    ['', 'file', 'verdict', 'final key', 'size', 'ms'],
    results.map((result) => [
      result.ok ? '✓' : '✗',
      result.file,
      verdictText(result),
      result.key ?? '–',
      String(result.sizeBytes),
      String(result.ms),
    ]),
  )
  const bad = results.filter(({ ok }) => !ok)
  const count = `${results.length - bad.length} of ${results.length} samples as expected`
  if (bad.length === 0) return `${table}\n\n${count}; every accepted file came back through its presigned URL with the same SHA-256.`
  return `${table}\n\n${[`${count}.`, ...bad.map(({ file, detail }) => `✗ ${file}: ${detail || 'see above'}`)].join('\n')}`
}

const verdictText = ({ verdict, expected }: SampleResult): string => (verdict === expected ? verdict : `${verdict}, expected ${expected}`)

/**
 * A text table with a line below the titles. Columns are as wide as their longest cell; numbers are right-aligned with their title.
 *
 * @param rows a cell for each column
 */
export function renderTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = titles.map((title, at) => [title, ...rows.map((row) => row[at] ?? '')])
  const padded = columns.map(([title = '', ...cells]) => {
    const columnWidth = Math.max(...[title, ...cells].map(width))
    const isNumeric = cells.every((cell) => /^\d*$/.test(cell))
    const pad = (cell: string) => (isNumeric ? [blank(columnWidth - width(cell)), cell] : [cell, blank(columnWidth - width(cell))]).join('')
    return [pad(title), '─'.repeat(columnWidth), ...cells.map(pad)]
  })
  return Array.from({ length: rows.length + 2 }, (_, line) =>
    padded
      .map((column) => column[line])
      .join('  ')
      .trimEnd(),
  ).join('\n')
}

const blank = (length: number): string => ' '.repeat(length)

/** Width as in most terminals: combining characters take no space. */
const width = (text: string): number => [...text.replace(/\p{Mark}/gu, '')].length
