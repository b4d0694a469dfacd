import type { UploadRecord } from '@airlock/database'
import {
  AirlockError,
  asRefusal,
  MiB,
  mediaTypes,
  normalizedType,
  parseFilename,
  type Refusal,
  refusal,
  type SizeLimits,
} from '@airlock/domain'
import { claimedTypeOf, judgeHead, judgeName } from '@airlock/inspection/head'
import { accept, discard, FileLimitReached, type FormFields, type ReceivedFile, receive } from '@airlock/lifecycle'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../plugins/auth.ts'
import { asAirlockError } from '../plugins/errors.ts'
import { expectedHash } from './content-digest.ts'
import type { UploadDeps } from './deps.ts'
import { ClientGone, DrainedEnough, type FormFile, formError, formParts, maxFiles } from './form.ts'
import { FormFieldReader } from './form-fields.ts'

/** A file of the form that was not accepted: its place in the form, counted from 0, and why. */
export interface RefusedFile extends Refusal {
  readonly index: number
  readonly filename: string
  readonly status: number
  readonly retryAfterSeconds?: number
}

export interface TakenForm {
  readonly accepted: readonly UploadRecord[]
  readonly refused: readonly RefusedFile[]
}

interface Arrived {
  readonly index: number
  readonly file: ReceivedFile
}

/**
 * Takes in one form: each file goes to quarantine as it arrives, is refused early and alone, and nothing is accepted before the whole form
 * has been read and is sound. Whatever was received and is not accepted is discarded.
 *
 * @throws AirlockError when the form as a whole can't be taken
 * @throws ClientGone, StoreUnavailable, DatabaseUnavailable
 */
export async function takeForm(request: FastifyRequest, deps: UploadDeps): Promise<TakenForm> {
  assertPlausibleLength(request, deps.sizeLimits)
  const fields = new FormFieldReader()
  const arrived: Arrived[] = []
  const refused: RefusedFile[] = []
  try {
    await readForm(request, fields, arrived, refused, deps)
    const good = judgeByKind(arrived, fields.all(), refused, request, deps)
    if (request.raw.destroyed && !request.raw.complete) throw new ClientGone('the client went away')
    const accepted = good.length === 0 ? [] : await accept(good, fields.all(), request.id, { ...deps, log: request.server.log })
    return { accepted, refused: refused.toSorted((a, b) => a.index - b.index) }
  } catch (error) {
    discardAll(arrived, error, request, deps)
    if (!(error instanceof DrainedEnough)) throw error
    return { accepted: [], refused: [...refused, ...arrived.map(notRead)].toSorted((a, b) => a.index - b.index) }
  }
}

async function readForm(
  request: FastifyRequest,
  fields: FormFieldReader,
  arrived: Arrived[],
  refused: RefusedFile[],
  deps: UploadDeps,
): Promise<void> {
  let index = 0
  for await (const part of formParts(request, deps.patience)) {
    if (part.kind === 'field' || part.name !== 'files') {
      fields.add(part.name, part.kind === 'field' ? part.value : '')
      continue
    }
    const outcome = await takeFile(part, index, fields, request, deps)
    if ('code' in outcome) refused.push(outcome)
    else arrived.push(outcome)
    index += 1
  }
  if (index === 0) throw new AirlockError('no_files', { limit: maxFiles })
}

/** Errors that one file has alone; the files behind it go on. */
const belongsToFile = (error: AirlockError): boolean => [400, 413, 429].includes(error.status)

async function takeFile(
  part: FormFile,
  index: number,
  fields: FormFieldReader,
  request: FastifyRequest,
  deps: UploadDeps,
): Promise<Arrived | RefusedFile> {
  let filename = part.rawFilename ?? ''
  try {
    filename = parseFilename(unescapedFilename(filename))
    const declaredType = normalizedType(part.contentType)
    const assetType = fields.assetType()
    const unfit = judgeName({ filename, declaredType, assetType })
    if (unfit !== null) throw AirlockError.of(unfit)
    const sender = { userId: callerOfRequest(request).id, requestId: request.id, door: 'form', ...deps } as const
    const announced = expectedHash(part.headers['content-digest'], filename)
    const incoming = { filename, declaredType, assetType, expectedHash: announced, bytes: part.bytes }
    const file = await receive(incoming, sender, { ...deps, log: request.server.log })
    return { index, file }
  } catch (error) {
    if (!(error instanceof AirlockError)) throw formError(error, request)
    if (!belongsToFile(error)) throw error
    request.log.info({ userId: callerOfRequest(request).id, filename, code: error.code, step: 'receive' }, 'file refused')
    return refusedFile(index, filename, error)
  }
}

function refusedFile(index: number, filename: string, error: AirlockError): RefusedFile {
  const retry = error instanceof FileLimitReached ? { retryAfterSeconds: error.retryAfterSeconds } : {}
  return { index, filename, status: error.status, ...asRefusal(error), ...retry }
}

/** Browsers and curl write a quote as `%22`, and line ends as `%0D%0A` (WHATWG, multipart/form-data encoding): a quote is fine in a name. */
const unescapedFilename = (name: string): string => name.replace(/%22/g, '"').replace(/%0d/gi, '\r').replace(/%0a/gi, '\n')

/** Judges again what arrived before the form had said its kind; what is unfit is discarded alone. @returns the good ones */
function judgeByKind(
  arrived: Arrived[],
  { assetType }: FormFields,
  refused: RefusedFile[],
  request: FastifyRequest,
  deps: UploadDeps,
): ReceivedFile[] {
  const limitBytes = deps.sizeLimits[assetType]
  const good: ReceivedFile[] = []
  for (const { index, file } of arrived) {
    const { filename, declaredType, mediaType, sizeBytes } = file
    const unfit =
      judgeName({ filename, declaredType, assetType }) ??
      judgeHead({ filename, claimedType: claimedTypeOf(filename), assetType }, { mediaType, described: mediaTypes[mediaType].name }) ??
      (sizeBytes > limitBytes ? refusal('file_too_large', { filename, limitBytes }) : null)
    if (unfit === null) {
      good.push(file)
      continue
    }
    refused.push(refusedFile(index, filename, AirlockError.of(unfit)))
    deps.chores.add(discard(file, unfit, { giveBack: false }, { ...deps, log: request.server.log }))
  }
  return good
}

/** Behind the answer: the client need not wait for it, and what fails the sweeper does. */
function discardAll(arrived: Arrived[], error: unknown, request: FastifyRequest, deps: UploadDeps): void {
  const known = error instanceof ClientGone || error instanceof DrainedEnough ? null : asAirlockError(error)
  for (const { file } of arrived) {
    const why = known === null ? refusal('upload_interrupted', file) : asRefusal(known)
    const giveBack = known !== null && known.status >= 500
    deps.chores.add(discard(file, why, { giveBack }, { ...deps, log: request.server.log }))
  }
}

function notRead({ index, file: { filename } }: Arrived): RefusedFile {
  return refusedFile(index, filename, new AirlockError('not_read', { filename }))
}

/** Ten of the largest files and some fields: more can't become an upload, so it need not even arrive. */
function assertPlausibleLength({ headers }: FastifyRequest, sizeLimits: SizeLimits): void {
  const limitBytes = maxFiles * Math.max(...Object.values(sizeLimits)) + 4 * MiB
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw new AirlockError('form_too_large', { limitBytes })
}
