import type { UploadAnswer } from './api.ts'
import { incomplete, refused } from './error.ts'
import type { Http } from './http.ts'
import { explained, type Source } from './platform.ts'
import type { UploadOptions } from './upload-options.ts'

/** A slower connection than this is considered broken, in bytes per ms. */
const slowest = 8

/**
 * Sends a file as a form. It can be repeated: all repetitions have the same key and the same bytes.
 *
 * The form does not ask to wait for the verdict (`Prefer: wait`): the upload's id comes with the response, and without it there is nothing to cancel or to
 * follow if the connection breaks during the wait.
 *
 * @returns the id of its job
 */
export async function sendForm(http: Http, source: Source, options: UploadOptions, onSent: (bytes: number) => void): Promise<string> {
  const { signal, idempotencyKey = crypto.randomUUID() } = options
  const { body, boundary } = formOf(await source.slice(0, source.size), source, fieldsOf(options))
  const call = {
    method: 'POST',
    body,
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'idempotency-key': idempotencyKey },
    signal,
    timeoutMs: 60_000 + body.size / slowest,
    onSent: (bytes: number) => onSent(Math.min(bytes, source.size)),
  }
  const attempt = () => http.jsonOnce<UploadAnswer>('/api/upload', call).catch((error) => explained(error, source))
  const answer = await http.retry(attempt, signal)
  const [accepted] = answer.body.uploads ?? []
  if (accepted !== undefined) return accepted.job_id
  const [refusal = incomplete] = answer.body.rejected ?? []
  throw refused(refusal, { status: answer.status })
}

const fieldsOf = ({ assetType, projectId, brandId, metadata }: UploadOptions): [name: string, value: string][] => [
  ['asset_type', assetType],
  ...(projectId === undefined ? [] : [['project_id', projectId] as [string, string]]),
  ...(brandId === undefined ? [] : [['brand_id', brandId] as [string, string]]),
  ...(metadata === undefined ? [] : [['metadata', JSON.stringify(metadata)] as [string, string]]),
]

/** The form as one Blob, of which the file remains a part on disk; a `FormData` would have other bytes with each repetition. */
function formOf(file: Blob, { name, type }: Source, fields: readonly [string, string][]): { body: Blob; boundary: string } {
  const boundary = `airlock-${crypto.randomUUID()}`
  const head = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; name=${disposition}\r\n`
  const parts = [
    ...fields.map(([field, value]) => `${head(field)}\r\n${value}\r\n`),
    `${head(`files; filename*=UTF-8''${encoded(name)}`)}Content-Type: ${type || 'application/octet-stream'}\r\n\r\n`,
    file,
    `\r\n--${boundary}--\r\n`,
  ]
  return { body: new Blob(parts), boundary }
}

/** Percent-encoded (RFC 8187), so that any name arrives unchanged. */
const encoded = (name: string): string =>
  new URLSearchParams({ name })
    .toString()
    .slice('name='.length)
    .replace(/[+*]/g, (char) => (char === '+' ? '%20' : '%2A'))
