import type { Readable } from 'node:stream'
import { setImmediate as aTurn } from 'node:timers/promises'
import { AirlockError, KiB, MiB } from '@airlock/domain'
import { Tally } from '@airlock/lifecycle'
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { type BodyTimeoutLimits, BodyTimeouts } from './body-timeouts.ts'
import { PartHeaderReader, type PartHeaders } from './part-headers.ts'

export const maxFiles = 10

/** What one form may hold beside its files' bytes. */
const formLimits = { fields: 20, fieldSize: 64 * KiB, fieldNameSize: 100, headerPairs: 20, headerSize: 16 * KiB }

/** How much of refused files is read and dropped so that the files behind them get their turn, in bytes for each form. */
export const maxDrainedBytes = 64 * MiB

export interface FormField {
  kind: 'field'
  name: string
  value: string
}

export interface FormFile {
  kind: 'file'
  name: string
  /** As the client wrote it; browsers write `%22` for a quote (WHATWG, multipart/form-data encoding). */
  rawFilename: string | undefined
  contentType: string | undefined
  headers: PartHeaders
  bytes: Readable
  /** Of all its bytes, once the next part has come: whoever reads of them adds them, what is drained is added here. */
  tally: Tally
}

/** The client went away in the middle of its form: there is nobody to answer. */
export class ClientGone extends Error {
  override name = 'ClientGone'
}

/**
 * The parts of a multipart form, one after the other. A file that its reader leaves unfinished is drained, within a bound, before the next
 * part comes.
 *
 * @throws DrainedEnough beyond that bound
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
  bodyTimeouts.over.catch((reason: Error) => openFile?.destroy(reason))
  try {
    for (;;) {
      const next = await Promise.race([parts.next(), bodyTimeouts.over])
      if (next.done === true) break
      const part = next.value
      const headers = partHeaders.next()
      read += 1
      // busboy drops what goes beyond, and a Content-Digest among it would never be looked at
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
      if (drained > maxDrainedBytes) throw new DrainedEnough(await namesAtHand(parts))
    }
    // busboy passes over parts without a usable Content-Disposition; whoever sent them thinks that they were taken
    if (partHeaders.seen !== read) throw new AirlockError('form_malformed', {})
  } catch (error) {
    throw formError(error, request)
  } finally {
    bodyTimeouts.end()
    request.raw.unpipe()
  }
}

/** A part may come without a name, whatever busboy's types say. */
const nameOf = (fieldname: string | undefined): string => fieldname ?? ''

function asField({ fieldname, value, valueTruncated }: { fieldname: string; value: unknown; valueTruncated: boolean }): FormField {
  if (valueTruncated) throw new AirlockError('field_malformed', { field: nameOf(fieldname), expected: 'at most 64 KiB' })
  return { kind: 'field', name: nameOf(fieldname), value: String(value) }
}

const asFile = ({ fieldname, filename, file }: MultipartFile, headers: PartHeaders): FormFile => ({
  kind: 'file',
  name: nameOf(fieldname),
  rawFilename: filename,
  contentType: headers['content-type']?.[0], // busboy says text/plain where a client says nothing
  headers,
  bytes: file,
  tally: new Tally(),
})

/** @returns the bytes drained so far, of all files of the form; more than the bound when the file goes on beyond it */
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

/** Names of files that have arrived behind, as their clients wrote them; nothing more is waited for. */
async function namesAtHand(parts: AsyncIterator<{ type: string; fieldname: string; filename?: string }>): Promise<string[]> {
  const names: string[] = []
  for (;;) {
    const next = await Promise.race([parts.next(), aTurn()])
    if (next === undefined || next.done === true) return names
    const { type, fieldname, filename } = next.value
    if (type === 'file' && fieldname === 'files') names.push(filename ?? '')
  }
}

/** A refused file goes on and on; the form is answered without its rest. */
export class DrainedEnough extends Error {
  override name = 'DrainedEnough'
  /** Of files behind it. There may be more of them: a part's end is only known when its last byte is read. */
  readonly namesBehind: readonly string[]

  constructor(namesBehind: readonly string[]) {
    super('a refused file goes on and on')
    this.namesBehind = namesBehind
  }
}

/**
 * Messages of busboy's parser for bodies that break the rules; it gives them no code. Taken from their beginning: the store's own messages
 * tell of multipart uploads, too. (A needle is a boundary, and too long beyond 252 characters.)
 */
const malformed = /^(?:Multipart: Boundary not found|Unexpected end of multipart data|(?:Part|Preamble) terminated early|The needle )/

/** What went wrong while reading a form, in the catalogue's words; errors of our own servers pass as they are. */
export function formError(error: unknown, request: FastifyRequest): unknown {
  if (error instanceof AirlockError || error instanceof DrainedEnough) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (request.raw.destroyed && !request.raw.complete) return new ClientGone('the client went away', { cause: error })
  if (code === 'FST_MP_PREMATURE_CLOSE' || code === 'ECONNRESET') return new ClientGone('the client went away', { cause: error })
  if (code?.startsWith('FST_') === true || malformed.test(message))
    return new AirlockError('form_malformed', { isBoundaryMissing: message.startsWith('Multipart: Boundary not found') }, { cause: error })
  return error
}
