import type { IdempotencyToken, UploadRecord } from '@airlock/database'
import { AirlockError, asRefusal, judgeFile, MiB, mediaTypes, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import { accept, discard, type ReceivedFile, type Tally } from '@airlock/lifecycle'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../auth/caller.ts'
import { asAirlockError } from '../plugins/errors.ts'
import { type AcceptedFile, type RefusedFile, refusedFile, uploadAnswer } from '../responses/upload.ts'
import { ClientGone, DrainLimitExceeded, formParts, maxFiles } from './form.ts'
import { FormFieldReader, isFileOfForm, isIgnored } from './form-fields.ts'
import { type ArrivedFile, lossCode, takeFile, type UploadDeps } from './take-file.ts'

export interface TakenForm {
  /** In the order of the form. */
  readonly accepted: readonly AcceptedFile[]
  /** In the order of the form. */
  readonly refused: readonly RefusedFile[]
}

/** The state of a form while it is read. */
export interface Form {
  readonly fields: FormFieldReader
  /** All files, with their names as sent. */
  readonly files: { readonly name: string; readonly tally: Tally }[]
  readonly arrived: ArrivedFile[]
  readonly refused: RefusedFile[]
}

/**
 * Receives one form. Each file goes to quarantine as it arrives, or is refused early and individually; nothing is accepted before the whole
 * form has been read and is valid. Received files that are not accepted are discarded.
 *
 * @param token the lease of an idempotent request: its response is committed with the acceptance
 * @throws AirlockError if the form as a whole is refused
 * @throws ClientGone, StoreUnavailable, DatabaseUnavailable
 */
export async function takeForm(request: FastifyRequest, deps: UploadDeps, token?: IdempotencyToken): Promise<TakenForm> {
  assertPlausibleLength(request, deps.sizeLimits)
  const form: Form = { fields: new FormFieldReader(), files: [], arrived: [], refused: [] }
  let uncounted: readonly ArrivedFile[] = form.arrived
  try {
    await readForm(form, request, deps)
    const good = judgeByKind(form, request, deps)
    uncounted = good
    if (request.raw.destroyed && !request.raw.complete) throw new ClientGone('the client disconnected')
    const accepted = good.length === 0 ? [] : await acceptAll(good, form, request, deps, token)
    deps.metrics.countFiles('accepted', accepted.length)
    for (const { upload } of accepted) deps.metrics.countBytes('form', form.fields.all().assetType, upload.sizeBytes ?? 0)
    return { accepted, refused: inOrder(form.refused) }
  } catch (error) {
    if (error instanceof DrainLimitExceeded) return endUnread(form, error, request, deps)
    deps.metrics.countFiles(lossCode(error), uncounted.length)
    discardAll(form.arrived, lossOf(error), request, deps)
    throw error
  }
}

async function readForm({ fields, files, arrived, refused }: Form, request: FastifyRequest, deps: UploadDeps): Promise<void> {
  for await (const part of formParts(request, deps.bodyTimeouts)) {
    if (isIgnored(part)) continue
    if (!isFileOfForm(part)) {
      fields.add(part)
      continue
    }
    const outcome = await takeFile(part, files.length, fields.assetType(), request, deps)
    files.push({ name: part.rawFilename ?? '', tally: part.tally })
    if ('code' in outcome) refused.push(outcome)
    else arrived.push(outcome)
  }
  if (files.length === 0) throw new AirlockError('no_files', { limit: maxFiles })
}

async function acceptAll(
  good: readonly ArrivedFile[],
  form: Form,
  request: FastifyRequest,
  deps: UploadDeps,
  token: IdempotencyToken | undefined,
): Promise<AcceptedFile[]> {
  const inForm = (records: readonly UploadRecord[]): AcceptedFile[] =>
    good.flatMap(({ index }, i) => (records[i] === undefined ? [] : { index, upload: records[i] }))
  const idempotency = token && {
    token,
    fingerprint: fingerprintOf(form),
    answer: (records: readonly UploadRecord[]) => uploadAnswer(inForm(records), inOrder(form.refused)),
  }
  const files = good.map(({ file }) => file)
  const records = await accept(
    files,
    { ...form.fields.all(), requestId: request.id, actedBy: callerOfRequest(request).actedBy, idempotency },
    { ...deps, log: request.server.log },
  )
  return inForm(records)
}

/** Judges files again that arrived before the form had named their kind; refused ones are discarded individually. @returns the others */
function judgeByKind({ fields, arrived, refused }: Form, request: FastifyRequest, deps: UploadDeps): ArrivedFile[] {
  const { assetType } = fields.all()
  return arrived.filter(({ index, file }) => {
    const content = { mediaType: file.mediaType, described: mediaTypes[file.mediaType].name }
    const why = judgeFile({ ...file, assetType, content }, deps.sizeLimits)
    if (why === null) return true
    refused.push(refusedFile(index, file.filename, AirlockError.of(why)))
    deps.metrics.countFiles(why.code)
    deps.backgroundTasks.add(discard(file, why, { giveBack: false }, { ...deps, log: request.server.log }))
    return false
  })
}

/** A refused file exceeded the drain limit. No file of the form is accepted, since it is unknown whether the rest is valid. */
function endUnread(
  { files, arrived, refused }: Form,
  { namesAfter }: DrainLimitExceeded,
  request: FastifyRequest,
  deps: UploadDeps,
): TakenForm {
  const stop = { stoppedAt: refused.at(-1)?.filename ?? '', filesRead: files.length, namesAfter }
  request.log.info({ userId: callerOfRequest(request).id, ...stop, step: 'receive' }, 'form not read to its end')
  deps.metrics.countFiles('not_read', arrived.length)
  discardAll(arrived, { why: (file) => notTaken(file, stop), giveBack: false }, request, deps)
  return { accepted: [], refused: inOrder([...refused, ...filesNotRead(arrived, stop)]) }
}

/** Where Airlock stopped reading a form. */
interface Stop {
  /** The name of the refused file that exceeded the drain limit. */
  readonly stoppedAt: string
  /** How many files of the form were read, including that one. */
  readonly filesRead: number
  /** Names of files after it whose headers had already arrived. */
  readonly namesAfter: readonly string[]
}

/** The refusal of a file that had arrived before: no file is accepted of a form that was not read to its end. */
const notTaken = ({ filename }: ReceivedFile, { stoppedAt }: Stop): Refusal => refusal('not_read', { filename, stoppedAt })

/**
 * Reports unread files. After the last known one there may be others or none, which one entry with `filename: null` represents, unless the
 * form already has the maximum number of files.
 */
function filesNotRead(arrived: readonly ArrivedFile[], stop: Stop): RefusedFile[] {
  const { stoppedAt, filesRead, namesAfter } = stop
  const unread = [...namesAfter, null].slice(0, maxFiles - filesRead)
  return [
    ...arrived.map(({ index, file }) => refusedFile(index, file.filename, AirlockError.of(notTaken(file, stop)))),
    ...unread.map((filename, i) => refusedFile(filesRead + i, filename, new AirlockError('not_read', { filename, stoppedAt }))),
  ]
}

/** How the files of a form that was not accepted are discarded. */
interface Loss {
  why(file: ReceivedFile): Refusal
  /** The fault was ours: the files do not count towards the user's hourly limit. */
  readonly giveBack: boolean
}

function lossOf(error: unknown): Loss {
  if (error instanceof ClientGone) return { why: (file) => refusal('upload_interrupted', file), giveBack: false }
  const known = asAirlockError(error)
  return { why: () => asRefusal(known), giveBack: known.isOurs }
}

/** Runs in the background: the client need not wait for it, and the sweeper does what fails. */
function discardAll(arrived: readonly ArrivedFile[], { why, giveBack }: Loss, request: FastifyRequest, deps: UploadDeps): void {
  for (const { file } of arrived) deps.backgroundTasks.add(discard(file, why(file), { giveBack }, { ...deps, log: request.server.log }))
}

const inOrder = (refused: readonly RefusedFile[]): RefusedFile[] => refused.toSorted((a, b) => a.index - b.index)

/** A form larger than ten of the largest files and some fields cannot be accepted, so it is refused before it is read. */
function assertPlausibleLength({ headers }: FastifyRequest, sizeLimits: SizeLimits): void {
  const limitBytes = maxFiles * Math.max(...Object.values(sizeLimits)) + 4 * MiB
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw new AirlockError('form_too_large', { limitBytes })
}

/** A file of a form, accepted or refused: what a repetition of the request must match. */
export interface FilePrint {
  readonly name: string
  readonly size: number
  readonly hash: string
}

/** The content of a form: its fields in the order of their names, its files in the order of the form. */
interface Fingerprint {
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly files: readonly FilePrint[]
}

/** A text that is equal for forms with the same content. The form must have been read to its end, so that its tallies are complete. */
export function fingerprintOf({ fields, files }: Pick<Form, 'fields' | 'files'>): string {
  const fingerprint: Fingerprint = {
    fields: fields.given().toSorted(([a], [b]) => (a < b ? -1 : 1)),
    files: files.map(({ name, tally }) => ({ name, size: tally.sizeBytes, hash: tally.contentHash() })),
  }
  return JSON.stringify(fingerprint)
}

/** The inverse of `fingerprintOf`. */
export const parseFingerprint = (text: string): Fingerprint => JSON.parse(text)
