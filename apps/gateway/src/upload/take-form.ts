import type { IdempotencyToken, UploadRecord } from '@airlock/database'
import { AirlockError, asRefusal, judgeFile, MiB, mediaTypes, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import { accept, discard, type ReceivedFile, type Tally } from '@airlock/lifecycle'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../plugins/auth.ts'
import { asAirlockError } from '../plugins/errors.ts'
import { type AcceptedFile, uploadAnswer } from './answer.ts'
import type { UploadDeps } from './deps.ts'
import { fingerprintText } from './fingerprint.ts'
import { ClientGone, DrainLimitExceeded, formParts, maxFiles } from './form.ts'
import { FormFieldReader, isFileOfForm } from './form-fields.ts'
import { filesNotRead, notTaken } from './not-read.ts'
import { type RefusedFile, refusedFile } from './refused-file.ts'
import { type ArrivedFile, takeFile } from './take-file.ts'

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
  try {
    await readForm(form, request, deps)
    const good = judgeByKind(form, request, deps)
    if (request.raw.destroyed && !request.raw.complete) throw new ClientGone('the client disconnected')
    const accepted = good.length === 0 ? [] : await acceptAll(good, form, request, deps, token)
    deps.metrics.files.inc({ result: 'accepted' }, accepted.length)
    return { accepted, refused: inOrder(form.refused) }
  } catch (error) {
    if (error instanceof DrainLimitExceeded) return endUnread(form, error, request, deps)
    discardAll(form.arrived, lossOf(error), request, deps)
    throw error
  }
}

/** A refused file exceeded the drain limit. No file of the form is accepted, since it is unknown whether the rest is valid. */
function endUnread(
  { files, arrived, refused }: Form,
  { namesBehind }: DrainLimitExceeded,
  request: FastifyRequest,
  deps: UploadDeps,
): TakenForm {
  const stop = { stoppedAt: refused.at(-1)?.filename ?? '', filesRead: files.length, namesBehind }
  request.log.info({ userId: callerOfRequest(request).id, ...stop, step: 'receive' }, 'form not read to its end')
  deps.metrics.files.inc({ result: 'not_read' }, arrived.length)
  discardAll(arrived, { why: (file) => notTaken(file, stop), giveBack: false }, request, deps)
  return { accepted: [], refused: inOrder([...refused, ...filesNotRead(arrived, stop)]) }
}

async function readForm({ fields, files, arrived, refused }: Form, request: FastifyRequest, deps: UploadDeps): Promise<void> {
  for await (const part of formParts(request, deps.bodyTimeouts)) {
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

/** The content of the form. It was read to its end, so the tallies are complete. */
export const fingerprintOf = ({ fields, files }: Pick<Form, 'fields' | 'files'>): string =>
  fingerprintText({
    fields: fields.given(),
    files: files.map(({ name, tally }) => ({ name, size: tally.sizeBytes, hash: tally.contentHash() })),
  })

/** Judges files again that arrived before the form had named their kind; refused ones are discarded individually. @returns the others */
function judgeByKind({ fields, arrived, refused }: Form, request: FastifyRequest, deps: UploadDeps): ArrivedFile[] {
  const { assetType } = fields.all()
  return arrived.filter(({ index, file }) => {
    const content = { mediaType: file.mediaType, described: mediaTypes[file.mediaType].name }
    const why = judgeFile({ ...file, assetType, content }, deps.sizeLimits)
    if (why === null) return true
    refused.push(refusedFile(index, file.filename, AirlockError.of(why)))
    deps.metrics.files.inc({ result: why.code })
    deps.backgroundTasks.add(discard(file, why, { giveBack: false }, { ...deps, log: request.server.log }))
    return false
  })
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
