import { renewLease } from '@airlock/async'
import type { IdempotencyRepository, IdempotencyToken } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../auth/caller.ts'
import { RequestInFlight } from '../plugins/errors.ts'
import type { UploadAnswer } from '../responses/upload.ts'
import { type FormFile, formError, formParts } from './form.ts'
import { FormFieldReader, isFileOfForm, isIgnored } from './form-fields.ts'
import type { UploadDeps } from './take-file.ts'
import { type FilePrint, type Form, fingerprintOf, parseFingerprint, type TakenForm, takeForm } from './take-form.ts'

export interface RepeatableDeps extends UploadDeps {
  idempotency: IdempotencyRepository
  /** How long the lease of a request lasts without renewal, in seconds. It expires after a crash of its gateway, and the client may retry. */
  idempotencyLeaseSeconds: number
}

/** How long a response is stored. */
const keepHours = 24

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), or null. @throws AirlockError `idempotency_key_malformed` */
export function idempotencyKey({ headers }: FastifyRequest): string | null {
  const header = headers['idempotency-key']
  if (header === undefined) return null
  // the draft requires a quoted string, but most clients send the bare key; both are equivalent
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : ''
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) throw new AirlockError('idempotency_key_malformed', {})
  return key
}

/**
 * Receives a form with an Idempotency-Key. The first one is received normally, and its response is committed with the acceptance. A repetition
 * is hashed and dropped, and gets that response; reading stops at the first difference. Refusals are not stored.
 *
 * @throws RequestInFlight, AirlockError `idempotency_key_reused`, and the errors of `takeForm`
 */
export async function takeRepeatable(key: string, request: FastifyRequest, deps: RepeatableDeps): Promise<TakenForm | UploadAnswer> {
  const { id: userId } = callerOfRequest(request)
  const beginning = await deps.idempotency.begin({ userId, key, leaseSeconds: deps.idempotencyLeaseSeconds, keepHours })
  switch (beginning.outcome) {
    case 'in_flight':
      throw new RequestInFlight(beginning.retryAfterSeconds)
    case 'done':
      return repeated(beginning, request, deps)
    case 'mine':
      return first(beginning.token, request, deps)
    default:
      throw new Error(`idempotency returned ${beginning satisfies never}`)
  }
}

/** The lease is renewed every third of its duration; if it is lost, `accept` refuses. */
async function first(token: IdempotencyToken, request: FastifyRequest, deps: RepeatableDeps): Promise<TakenForm> {
  const { idempotency, idempotencyLeaseSeconds: leaseSeconds } = deps
  const stopRenewing = renewLease({
    leaseMs: leaseSeconds * 1000,
    renew: () => idempotency.renew(token, leaseSeconds),
    onFailure: (err) => request.log.warn({ err }, 'idempotency lease not renewed'),
  })
  let accepted = false
  try {
    const taken = await takeForm(request, deps, token)
    accepted = taken.accepted.length > 0
    return taken
  } finally {
    stopRenewing()
    if (!accepted)
      await idempotency.release(token).catch((err: unknown) => request.log.warn({ err }, 'idempotency lease not released, it will expire'))
  }
}

async function repeated(
  { fingerprint, answer }: { fingerprint: string; answer: unknown },
  request: FastifyRequest,
  deps: RepeatableDeps,
): Promise<UploadAnswer> {
  const original = parseFingerprint(fingerprint)
  const originalFields = new Map(original.fields)
  const fields = new FormFieldReader()
  const files: Form['files'] = []
  for await (const part of formParts(request, deps.bodyTimeouts)) {
    if (isIgnored(part)) continue
    if (!isFileOfForm(part)) {
      fields.add(part)
      if (part.kind !== 'field' || originalFields.get(part.name) !== part.value) throw reused()
      continue
    }
    await readAgain(part, original.files[files.length], request, deps)
    files.push({ name: part.rawFilename ?? '', tally: part.tally })
  }
  if (fingerprintOf({ fields, files }) !== fingerprint) throw reused()
  return withIndexes(answer as UploadAnswer)
}

/** A response stored by an older gateway has indexes of refused files only: the accepted ones have the others, in order. */
function withIndexes({ uploads, rejected }: UploadAnswer): UploadAnswer {
  const refused = new Set(rejected.map(({ index }) => index))
  const others = Array.from({ length: uploads.length + rejected.length }, (_, index) => index).filter((index) => !refused.has(index))
  return { uploads: uploads.map((entry, i) => ({ ...entry, index: others[i] ?? i })), rejected }
}

const reused = (): AirlockError => new AirlockError('idempotency_key_reused', {})

/**
 * Reads a file of a repetition, under a permit like any other: nothing is stored, but reading and hashing cost the same.
 *
 * @param original the file at this index of the first request
 * @throws AirlockError `idempotency_key_reused` at the first excess byte, or at the end if the file differs
 */
async function readAgain(
  file: FormFile,
  original: FilePrint | undefined,
  request: FastifyRequest,
  { inFlight }: RepeatableDeps,
): Promise<void> {
  const { bytes, tally, rawFilename: filename = '' } = file
  if (original === undefined || original.name !== filename) throw reused()
  let releasePermit: (() => void) | null = null
  try {
    for await (const chunk of bytes.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      tally.add(chunk)
      if (tally.sizeBytes > original.size) throw reused()
      releasePermit ??= await inFlight.take({
        userId: callerOfRequest(request).id,
        filename,
        bytes,
        arrivedBytes: () => tally.sizeBytes,
        end: (reason) => bytes.destroy(reason),
      })
    }
  } catch (error) {
    throw formError(error, request)
  } finally {
    releasePermit?.()
  }
  if (tally.sizeBytes !== original.size || tally.contentHash() !== original.hash) throw reused()
}
