import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { IdempotencyRepository, IdempotencyToken } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../plugins/auth.ts'
import type { UploadAnswer } from './answer.ts'
import type { UploadDeps } from './deps.ts'
import { type FilePrint, saysTheSame } from './fingerprint.ts'
import { formError, formParts } from './form.ts'
import { FormFieldReader } from './form-fields.ts'
import { type TakenForm, takeForm } from './take-form.ts'

export interface RepeatableDeps extends UploadDeps {
  idempotency: IdempotencyRepository
  /** How long a request is ours without a sign of life, in seconds. It dies with its gateway, and the client may try again. */
  idempotencyLeaseSeconds: number
}

/** How long an answer is kept. */
const keepHours = 24

/** The first request with this key is still being worked on. */
export class RequestInFlight extends AirlockError<'request_in_flight'> {
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number) {
    super('request_in_flight', {})
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), or null. @throws AirlockError `idempotency_key_malformed` */
export function idempotencyKey({ headers }: FastifyRequest): string | null {
  const header = headers['idempotency-key']
  if (header === undefined) return null
  // the draft writes a quoted string; most clients send the bare key, and both mean the same
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : ''
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) throw new AirlockError('idempotency_key_malformed', {})
  return key
}

/**
 * Takes a form that may come again: the first one is taken as any, and its answer is committed with the acceptance. A repetition is hashed
 * and dropped, and gets that answer. Refusals are not kept.
 *
 * @throws RequestInFlight, AirlockError `idempotency_key_reused`, and whatever `takeForm` throws
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
      throw new Error(`idempotency answered ${beginning satisfies never}`)
  }
}

/** Between two renewals we may be silent for a third of the lease; when it is lost, `accept` refuses. */
async function first(token: IdempotencyToken, request: FastifyRequest, deps: RepeatableDeps): Promise<TakenForm> {
  const { idempotencyLeaseSeconds: leaseSeconds } = deps
  const renewal = setInterval(
    () => {
      deps.idempotency.renew(token, leaseSeconds).catch((err: unknown) => request.log.warn({ err }, 'idempotency lease not renewed'))
    },
    (leaseSeconds * 1000) / 3,
  )
  let accepted = false
  try {
    const taken = await takeForm(request, deps, token)
    accepted = taken.accepted.length > 0
    return taken
  } finally {
    clearInterval(renewal)
    if (!accepted)
      await deps.idempotency.release(token).catch((err: unknown) => request.log.warn({ err }, 'idempotency lease runs out by itself'))
  }
}

async function repeated(
  { fingerprint, answer }: { fingerprint: string; answer: unknown },
  request: FastifyRequest,
  deps: RepeatableDeps,
): Promise<UploadAnswer> {
  const fields = new FormFieldReader()
  const files: FilePrint[] = []
  for await (const part of formParts(request, deps.patience)) {
    if (part.kind === 'field' || part.name !== 'files') fields.add(part.name, part.kind === 'field' ? part.value : '')
    else files.push({ name: part.rawFilename ?? '', ...(await hashed(part.bytes, request, deps)) })
  }
  if (!saysTheSame(fingerprint, { fields: fields.given(), files })) throw new AirlockError('idempotency_key_reused', {})
  return answer as UploadAnswer
}

/** Nothing goes to the store. A file beyond the largest limit can't be the one of the first request. */
async function hashed(bytes: Readable, request: FastifyRequest, { sizeLimits }: RepeatableDeps): Promise<{ size: number; hash: string }> {
  const largest = Math.max(...Object.values(sizeLimits))
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of bytes.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.byteLength
      if (size > largest) throw new AirlockError('idempotency_key_reused', {})
      hash.update(chunk)
    }
  } catch (error) {
    throw formError(error, request)
  }
  return { size, hash: hash.digest('hex') }
}
