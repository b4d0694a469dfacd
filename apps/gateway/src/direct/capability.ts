import { timingSafeEqual } from 'node:crypto'
import type { DirectUpload, UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import { hashOfCapability } from '@airlock/lifecycle'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest } from '../auth/caller.ts'
import { uuidOf } from '../routes/parameters.ts'

/** The query of routes whose URLs uploaders call without headers of their own. It is not logged: log lines and spans show no query. */
export const CapabilityQuery = Type.Object({
  capability: Type.Optional(
    Type.String({ description: 'The capability of this upload, for programs that cannot send it as Authorization: Bearer cap_…' }),
  ),
})

export interface CapabilityDeps {
  uploads: Pick<UploadRepository, 'direct'>
  /** The hook for tokens. */
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** The capability in a request; null when there is none. */
export function capabilityIn({ headers, query }: FastifyRequest): string | null {
  const [, inHeader] = /^Bearer +(cap_\S*)$/i.exec(headers.authorization ?? '') ?? []
  if (inHeader !== undefined) return inHeader
  const { capability } = (query ?? {}) as { capability?: unknown }
  return typeof capability === 'string' && capability !== '' && headers.authorization === undefined ? capability : null
}

/**
 * Authenticates a request for one direct upload, by the upload's capability or by a token of its owner. It runs before the body is read. With the
 * capability the caller of the request is the owner, without any scope, so the route must affect this upload alone.
 *
 * @throws AirlockError `id_malformed`, `upload_not_found`, `capability_invalid`, `job_not_yours`, and those of tokens
 */
export async function authenticateForUpload(request: FastifyRequest, { uploads, authenticate }: CapabilityDeps): Promise<DirectUpload> {
  const capability = capabilityIn(request)
  const { id } = request.params as { id: string }
  if (capability !== null) return authenticateByCapability(request, id, capability, uploads)
  await authenticate(request)
  const direct = await directOf(id, uploads)
  if (direct.upload.userId !== callerOfRequest(request).id) throw new AirlockError('job_not_yours', { id })
  return direct
}

/**
 * The same for a capability that is not in the usual place of the request.
 *
 * @throws AirlockError `id_malformed`, `upload_not_found`, `capability_invalid`
 */
export async function authenticateByCapability(
  request: FastifyRequest,
  id: string,
  capability: string,
  uploads: CapabilityDeps['uploads'],
): Promise<DirectUpload> {
  const direct = await directOf(id, uploads)
  const { upload } = direct
  if (!isCapabilityOf(upload, capability)) throw new AirlockError('capability_invalid', {})
  request.caller = { id: upload.userId, actedBy: upload.actedBy, scopes: [], expiresAtMs: Number.POSITIVE_INFINITY }
  return direct
}

async function directOf(id: string, uploads: CapabilityDeps['uploads']): Promise<DirectUpload> {
  const direct = await uploads.direct(uuidOf(id))
  if (direct === null) throw new AirlockError('upload_not_found', { id })
  return direct
}

/** Compares hashes of equal length, in constant time. */
function isCapabilityOf({ capabilityHash }: UploadRecord, capability: string): boolean {
  if (capabilityHash === null) return false
  return timingSafeEqual(Buffer.from(capabilityHash, 'hex'), Buffer.from(hashOfCapability(capability), 'hex'))
}
