import { randomBytes, randomUUID } from 'node:crypto'
import { finalKey, quarantineKey, type Refusal, refusal } from '@airlock/domain'
import type { Client } from 'pg'
import type { AcceptedUpload, AssetRecord, Claim, Database, NewDirectUpload, NewUpload, OpenLimit } from '../src/index.ts'

export const plenty = { filesPerHour: 1000 }
export const tooBig: Refusal = refusal('file_too_large', { filename: 'logo.png', limitBytes: 1024 })
export const ourFault: Refusal = refusal('processing_failed', { filename: 'logo.png' })

export function newUpload(given: Partial<NewUpload> = {}): NewUpload {
  const id = given.id ?? randomUUID()
  return {
    id,
    userId: randomUUID(),
    door: 'form',
    filename: 'logo.png',
    declaredType: 'image/png',
    quarantineKey: quarantineKey(id),
    nonce: randomBytes(8).toString('hex'),
    requestId: 'request-1',
    ...given,
  }
}

/** Limits that no test reaches by accident. */
export const roomy: OpenLimit = { ...plenty, openUploads: 1000, openBytes: 1e12, openSeconds: 3600 }

/** A file of 4321 bytes in one part. */
export function newDirectUpload(given: Partial<NewDirectUpload> = {}): NewDirectUpload {
  const { door: _, ...upload } = newUpload(given)
  return {
    ...upload,
    capabilityHash: randomBytes(32).toString('hex'),
    declaredBytes: 4321,
    partBytes: 5 * 1024 * 1024,
    expectedHash: null,
    clientMetadata: null,
    actedBy: null,
    ...given,
  }
}

export function goodFile(
  { id, userId, filename }: Pick<NewUpload, 'id' | 'userId' | 'filename'>,
  given: Partial<AcceptedUpload> = {},
): AcceptedUpload {
  return {
    id,
    assetType: 'brand_image',
    projectId: null,
    brandId: null,
    detectedType: 'image/png',
    finalKey: finalKey({
      uploadId: id,
      userId,
      assetType: 'brand_image',
      projectId: null,
      brandId: null,
      filename,
      acceptedAt: new Date(),
    }),
    sizeBytes: 4321,
    contentHash: randomBytes(32).toString('hex'),
    etag: `"${id}"`,
    ...given,
  }
}

/** An upload that waits for a worker. */
export async function received({ uploads }: Database, given: Partial<NewUpload> = {}): Promise<NewUpload> {
  const upload = newUpload(given)
  await uploads.register(upload, plenty)
  await uploads.accept([goodFile(upload)])
  return upload
}

/** An upload that is being processed. */
export async function claimed(database: Database, { leaseSeconds = 60, ...given }: Partial<NewUpload> & { leaseSeconds?: number } = {}) {
  const { id } = await received(database, given)
  return claim(database, id, leaseSeconds)
}

/** @throws Error if it can't be claimed */
export async function claim({ uploads }: Database, id: string, leaseSeconds = 60): Promise<Claim> {
  const outcome = await uploads.claim(id, { leaseSeconds })
  if (!outcome.claimed) throw new Error(`not claimed: ${outcome.reason}`)
  return outcome.claim
}

/** An upload that became an asset. */
export async function promoted(
  database: Database,
  given: Partial<NewUpload> = {},
  accepted: Partial<AcceptedUpload> = {},
): Promise<AssetRecord> {
  const upload = newUpload(given)
  await database.uploads.register(upload, plenty)
  await database.uploads.accept([goodFile(upload, accepted)])
  return database.uploads.complete(await claim(database, upload.id), { mediaType: 'image/png', facts: { width: 640 } })
}

/** An upload that waits for an operator. */
export async function parked(database: Database, given: Partial<NewUpload> = {}): Promise<Claim> {
  const mine = await claimed(database, given)
  await database.uploads.park(mine, ourFault, 'InvalidAccessKeyId')
  return mine
}

/** Expires the lease of an upload. */
export const lapse = (sql: Client, id: string) => sql.query(`update uploads set lease_until = now() - interval '1 ms' where id = $1`, [id])

/** Backdates the last change of an upload. */
export const age = (sql: Client, id: string, seconds: number) =>
  sql.query(
    `update uploads set created_at = created_at - make_interval(secs => $2), updated_at = updated_at - make_interval(secs => $2) where id = $1`,
    [id, seconds],
  )
