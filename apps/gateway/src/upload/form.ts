import type { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AirlockError, KiB, MiB } from '@airlock/domain'
import { Tally } from '@airlock/lifecycle'
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { type BodyTimeoutLimits, BodyTimeouts } from './body-timeouts.ts'
import type { PartHeaders } from './part-events.ts'
import { PartHeaderReader } from './part-headers.ts'

export const maxFiles = 10

/** The names of the form's field for files. `file` is what Uppy and most other uploaders send; a form may use both. */
export const fileFields: readonly string[] = ['files', 'file']

/** Limits of one form apart from its files' bytes. */
const formLimits = { fields: 20, fieldSize: 64 * KiB, fieldNameSize: 100, headerPairs: 20, headerSize: 16 * KiB }

/** How many bytes of refused files are read and dropped per form, so that the files after them can be read. */
const maxDrainedBytes = 64 * MiB

export interface FormField {
  kind: 'field'
  name: string
  value: string
}

export interface FormFile {
  kind: 'file'
  name: string
  /** As sent by the client; browsers write `%22` for a quote (WHATWG, multipart/form-data encoding). */
  rawFilename: string | undefined
  contentType: string | undefined
  headers: PartHeaders
  bytes: Readable
  /** Size and hash of the whole part. Complete once the next part has been yielded. */
  tally: Tally
}

/** The client disconnected before the end of its form: no response can be sent. */
export class ClientGone extends Error {
  override name = 'ClientGone'
}

/**
 * The parts of a multipart form, one after the other. A file that its consumer does not read to the end is drained, up to a limit, before the
 * next part is yielded.
 *
 * @throws DrainLimitExceeded beyond that limit
 * @throws AirlockError `not_multipart`, `form_malformed`, `too_many_files`, `request_timeout`, `request_stalled`, `field_…`
 * @throws ClientGone
 */
export async function* formParts(request: FastifyRequest, bodyTimeoutLimits: BodyTimeoutLimits): AsyncGenerator<FormField | FormFile> {
  if (!request.isMultipart()) throw new AirlockError('not_multipart', {})
  const bodyTimeouts = new BodyTimeouts(request.raw, bodyTimeoutLimits)
  const partHeaders = new PartHeaderReader(request.raw)
  const parts = request.parts({
    limits: { ...formLimits, files: maxFiles + 1, parts: maxFiles + 2 + formLimits.fields, fileSize: Number.MAX_SAFE_INTEGER },
  })
  let drained = 0
  let openFile: Readable | null = null
  let files = 0
  let read = 0
  bodyTimeouts.expired.catch((reason: Error) => openFile?.destroy(reason))
  try {
    for (;;) {
      const next = await Promise.race([parts.next(), bodyTimeouts.expired])
      if (next.done === true) break
      const part = next.value
      const headers = partHeaders.next()
      read += 1
      // busboy drops headers beyond its limit, and a Content-Digest among them would be ignored
      if (Object.values(headers).flat().length >= formLimits.headerPairs) throw new AirlockError('form_malformed', {})
      if (part.type === 'field') {
        yield asField(part)
        continue
      }
      files += 1
      if (files > maxFiles) throw new AirlockError('too_many_files', { limit: maxFiles })
      openFile = part.file
      const file = asFile(part, headers)
      yield file
      drained = await drain(file, drained)
      openFile = null
      if (drained > maxDrainedBytes) throw new DrainLimitExceeded(await namesArrived(parts))
    }
    // busboy skips parts without a valid Content-Disposition; their sender would assume that they were accepted
    if (partHeaders.seen !== read) throw new AirlockError('form_malformed', {})
  } catch (error) {
    throw formError(error, request)
  } finally {
    bodyTimeouts.end()
    request.raw.unpipe()
  }
}

/** A part may have no name, contrary to busboy's types. */
const nameOf = (fieldname: string | undefined): string => fieldname ?? ''

function asField({ fieldname, value, valueTruncated }: { fieldname: string; value: unknown; valueTruncated: boolean }): FormField {
  if (valueTruncated) throw new AirlockError('field_malformed', { field: nameOf(fieldname), expected: 'at most 64 KiB' })
  return { kind: 'field', name: nameOf(fieldname), value: String(value) }
}

const asFile = ({ fieldname, filename, file }: MultipartFile, headers: PartHeaders): FormFile => ({
  kind: 'file',
  name: nameOf(fieldname),
  rawFilename: filename,
  contentType: headers['content-type']?.[0], // busboy reports text/plain if the client sends none
  headers,
  bytes: file,
  tally: new Tally(),
})

/** @returns the bytes drained so far, of all files of the form; more than the limit if the file exceeds it */
async function drain({ bytes, tally }: FormFile, before: number): Promise<number> {
  let drained = before
  if (bytes.readableEnded) return drained
  for await (const chunk of bytes.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    tally.add(chunk)
    drained += chunk.byteLength
    if (drained > maxDrainedBytes) break
  }
  return drained
}

/** Names of files that have already arrived after this one, as sent by the client; does not wait for more. */
async function namesArrived(parts: AsyncIterator<{ type: string; fieldname: string; filename?: string }>): Promise<string[]> {
  const names: string[] = []
  for (;;) {
    const next = await Promise.race([parts.next(), nextTurn()])
    if (next === undefined || next.done === true) return names
    const { type, fieldname, filename } = next.value
    if (type === 'file' && fileFields.includes(fieldname)) names.push(filename ?? '')
  }
}

/** A refused file exceeds the drain limit; the form is answered without reading the rest. */
export class DrainLimitExceeded extends Error {
  override name = 'DrainLimitExceeded'
  /** Names of files after it. There may be more: the end of a part is known only when its last byte has been read. */
  readonly namesAfter: readonly string[]

  constructor(namesAfter: readonly string[]) {
    super('a refused file exceeds the drain limit')
    this.namesAfter = namesAfter
  }
}

/**
 * Messages of busboy's parser for malformed bodies; they have no code. Matched from the start, since messages of the store also mention
 * multipart uploads. (A needle is a boundary, which may have at most 252 characters.)
 */
const malformed = /^(?:Multipart: Boundary not found|Unexpected end of multipart data|(?:Part|Preamble) terminated early|The needle )/

/** Maps an error while reading a form to the catalogue; errors of our own servers are returned unchanged. */
export function formError(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AirlockError || error instanceof DrainLimitExceeded) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (request.raw.destroyed && !request.raw.complete) return new ClientGone('the client disconnected', { cause: error })
  if (code === 'FST_MP_PREMATURE_CLOSE' || code === 'ECONNRESET') return new ClientGone('the client disconnected', { cause: error })
  if (code?.startsWith('FST_') === true || malformed.test(message))
    return new AirlockError('form_malformed', { isBoundaryMissing: message.startsWith('Multipart: Boundary not found') }, { cause: error })
  return error
}
