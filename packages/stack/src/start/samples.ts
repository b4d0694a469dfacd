import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { Client } from './client.ts'
import { renderTable } from './table.ts'

/** A row of `examples/samples/samples.json`: a file, what it is sent as, and what must become of it. */
interface Sample {
  readonly file: string
  readonly asset_type: string
  /** `completed`, or the code under which it must be turned away. */
  readonly expected: string
}

/** What a browser would declare for these extensions. */
const declaredTypes: Readonly<Record<string, string>> = {
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.mp4': 'video/mp4',
}

/** What became of a sample. */
export interface SampleResult {
  readonly file: string
  readonly expected: string
  readonly verdict: string
  /** Where it lies now, when it became an asset. */
  readonly key: string | null
  readonly sizeBytes: number
  /** From the first byte sent to the final verdict. */
  readonly ms: number
  /** Whether the presigned URL gave back the very bytes that were sent; null when there is nothing to fetch. */
  readonly sameBytes: boolean | null
  /** Whether all this is as it should be. */
  readonly ok: boolean
}

/**
 * Sends every sample through a running gateway, one after the other, and fetches back what became an asset.
 *
 * @param folder where `samples.json` and the files lie
 * @throws whatever the client throws: no answer, or one that is none
 */
export async function sendSamples(folder: string, client: Client): Promise<SampleResult[]> {
  const samples = JSON.parse(await readFile(join(folder, 'samples.json'), 'utf8')) as Sample[]
  const projectId = randomUUID()
  const results: SampleResult[] = []
  for (const sample of samples) results.push(await sendSample(sample, await readFile(join(folder, sample.file)), client, projectId))
  return results
}

async function sendSample(
  { file, asset_type, expected }: Sample,
  bytes: Buffer<ArrayBuffer>,
  client: Client,
  projectId: string,
): Promise<SampleResult> {
  const filename = basename(file)
  const mediaType = declaredTypes[extname(filename).toLowerCase()] ?? 'application/octet-stream'
  const fields = { asset_type, ...(asset_type === 'generated_video' && { project_id: projectId }) }
  const begun = performance.now()
  const outcome = await client.send({ filename, mediaType, bytes, fields })
  const sent = { file, expected, sizeBytes: bytes.byteLength, ms: Math.round(performance.now() - begun) }
  if (outcome.status !== 'completed') {
    return { ...sent, verdict: outcome.code, key: null, sameBytes: null, ok: outcome.code === expected }
  }
  const { key, bytes: fetched } = await client.download(outcome.assetId)
  const sameBytes = sha256(fetched) === sha256(bytes)
  return { ...sent, verdict: outcome.status, key, sameBytes, ok: expected === outcome.status && sameBytes }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The results as a table for the terminal, and a sentence below it. */
export function sampleReport(results: readonly SampleResult[]): string {
  const table = renderTable(
    [
      { title: '', align: 'left' },
      { title: 'file', align: 'left' },
      { title: 'verdict', align: 'left' },
      { title: 'final key', align: 'left' },
      { title: 'size', align: 'right' },
      { title: 'ms', align: 'right' },
    ],
    results.map((result) => [
      result.ok ? '✓' : '✗',
      result.file,
      verdictText(result),
      result.key ?? '–',
      String(result.sizeBytes),
      String(result.ms),
    ]),
  )
  const good = results.filter(({ ok }) => ok).length
  const sentence = `${good} of ${results.length} samples as expected; what was accepted came back through its presigned URL with the same SHA-256.`
  return `${table}\n\n${good === results.length ? sentence : `${good} of ${results.length} samples as expected.`}`
}

function verdictText({ verdict, expected, sameBytes }: SampleResult): string {
  if (verdict !== expected) return `${verdict}, expected ${expected}`
  return sameBytes === false ? `${verdict}, but other bytes came back` : verdict
}
