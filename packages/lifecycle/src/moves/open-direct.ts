import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { StoredMetadata, UploadRepository } from '@airlock/database'
import {
  AirlockError,
  type AssetType,
  asRefusal,
  judgeFile,
  type Log,
  partBytesFor,
  partCountOf,
  quarantineKey,
  type SizeLimits,
} from '@airlock/domain'
import type { ObjectStore, PresignedWrite } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import { type FileCounter, registerWithin, type UserLimits } from '../intake/registration.ts'
import { ourFault } from './abandon.ts'

/** A file that its client will send straight to the bucket, as the client declares it. */
export interface DirectFile {
  /** From `parseFilename`. */
  readonly filename: string
  /** From `normalizedType`. */
  readonly declaredType: string
  readonly sizeBytes: number
  /** 64 hexadecimal digits. */
  readonly expectedHash: string | null
}

/** The owner of the file, the fields of the request, and the limits of the direct door. */
export interface DirectSender extends UserLimits {
  readonly userId: string
  readonly requestId: string
  readonly actedBy: string | null
  readonly assetType: AssetType
  readonly projectId: string | null
  readonly brandId: string | null
  readonly clientMetadata: StoredMetadata | null
  readonly sizeLimits: SizeLimits
  readonly openUploadsPerUser: number
  readonly openBytesPerUser: number
  /** The time in which an upload must be completed. */
  readonly openSeconds: number
  /** The validity of each URL. */
  readonly urlSeconds: number
  readonly partBytes: number
  /** Up to this size a file is sent in one PUT, if the store lets nobody replace an object with a URL; 0: never. */
  readonly putMaxBytes: number
}

export interface OpenDirectDeps {
  uploads: Pick<UploadRepository, 'openDirect' | 'setMultipartId' | 'abandon'>
  store: Pick<ObjectStore, 'beginParts' | 'presignWrite' | 'abandonReceives'>
  counter: FileCounter
  /** Whether the store enforces `If-None-Match` on presigned PUTs. */
  writesOnce: () => Promise<boolean>
  log: Log
}

export interface OpenedDirect {
  readonly uploadId: string
  /** Permits the client to send, complete, follow and abort this upload. Only its hash is stored. */
  readonly capability: string
  /** How the file is sent: in one PUT, or in parts whose URLs are requested. */
  readonly sending: { readonly put: PresignedWrite } | { readonly partBytes: number; readonly partCount: number }
}

/** The SHA-256 of a capability in hexadecimal, as the row stores it. It has 256 random bits, so a slow hash would add nothing. */
export const hashOfCapability = (capability: string): string => createHash('sha256').update(capability).digest('hex')

/**
 * Lets a client send one file straight to the bucket. It is judged by what it declares; its bytes are judged when it is complete.
 *
 * We may die after any line. The row is inserted first, so that the sweeper finds the multipart upload at its key and ends it at the row's deadline,
 * even if its id was never stored. When the store fails, the row is `abandoned` and does not count against the user's hourly limit.
 *
 * @throws AirlockError with the file's fault, `file_limit_reached`, `parked_limit_reached`, `open_uploads_limit_reached`, or `unknown_user`
 * @throws StoreUnavailable, DatabaseUnavailable  not the client's fault; it may retry
 */
export async function openDirect(file: DirectFile, sender: DirectSender, deps: OpenDirectDeps): Promise<OpenedDirect> {
  const { filename, sizeBytes } = file
  const { userId, requestId } = sender
  const refused = judgeFile({ ...file, assetType: sender.assetType }, sender.sizeLimits)
  if (refused !== null) throw AirlockError.of(refused)
  const isOnePut = sizeBytes <= sender.putMaxBytes && (await deps.writesOnce())
  const partBytes = isOnePut ? null : partBytesFor(sizeBytes, sender.partBytes)
  const uploadId = uuidV7()
  const place = { uploadId, key: quarantineKey(uploadId), nonce: randomUUID(), partBytes }
  const capability = `cap_${randomBytes(32).toString('base64url')}`
  await register(place, capability, file, sender, deps)
  const about = { uploadId, userId, requestId, filename, sizeBytes, step: 'open' }
  try {
    const sending = await beginSending(place, file, sender, deps)
    deps.log.info(about, 'direct upload opened')
    return { uploadId, capability, sending }
  } catch (error) {
    deps.log.info({ ...about, err: error }, 'direct upload not opened')
    await withdrawDirect(place, userId, error, deps)
    throw error
  }
}

interface Place {
  readonly uploadId: string
  readonly key: string
  readonly nonce: string
  /** Null for a file that is sent in one PUT. */
  readonly partBytes: number | null
}

async function register(
  { uploadId, key, nonce, partBytes }: Place,
  capability: string,
  { filename, declaredType, sizeBytes, expectedHash }: DirectFile,
  sender: DirectSender,
  { uploads, counter }: OpenDirectDeps,
): Promise<void> {
  const { openUploadsPerUser: openUploads, openBytesPerUser: openBytes, openSeconds, filesPerHour, parkedBytesPerUser } = sender
  const { userId, requestId, assetType, projectId, brandId, clientMetadata, actedBy } = sender
  const row = {
    ...{ id: uploadId, userId, assetType, projectId, brandId, filename, declaredType, quarantineKey: key, nonce, requestId },
    ...{ capabilityHash: hashOfCapability(capability), declaredBytes: sizeBytes, partBytes, expectedHash, clientMetadata, actedBy },
  }
  const limits = { filesPerHour, parkedBytes: parkedBytesPerUser, openUploads, openBytes, openSeconds }
  const { registered } = await registerWithin({ ...sender, filename }, counter, () => uploads.openDirect(row, limits))
  if (!registered) throw new AirlockError('open_uploads_limit_reached', { filename, limit: openUploads, limitBytes: openBytes })
}

async function beginSending(
  { uploadId, key, nonce, partBytes }: Place,
  { filename, sizeBytes, expectedHash }: DirectFile,
  { urlSeconds: expiresInSeconds }: DirectSender,
  { uploads, store }: OpenDirectDeps,
): Promise<OpenedDirect['sending']> {
  if (partBytes === null) return { put: await store.presignWrite(key, putOf({ sizeBytes, expectedHash, expiresInSeconds })) }
  const multipartId = await store.beginParts(key, { nonce })
  if (!(await uploads.setMultipartId(uploadId, multipartId))) throw new AirlockError('upload_interrupted', { filename })
  return { partBytes, partCount: partCountOf({ sizeBytes, partBytes }) }
}

/** The PUT of a whole file. */
export const putOf = ({ expectedHash, ...write }: { sizeBytes: number; expectedHash: string | null; expiresInSeconds: number }) => ({
  ...write,
  onlyIfAbsent: true,
  ...(expectedHash !== null && { sha256: expectedHash }),
})

/**
 * Ends an upload whose client gets an error and no capability, so that nobody can use it. It never throws: what fails here, the sweeper does at the
 * row's deadline.
 *
 * @param error what the client gets
 */
export async function withdrawDirect(
  { uploadId }: { uploadId: string },
  userId: string,
  error: unknown,
  { uploads, counter, store, log }: Omit<OpenDirectDeps, 'writesOnce' | 'uploads'> & { uploads: Pick<UploadRepository, 'abandon'> },
): Promise<void> {
  try {
    await uploads.abandon(uploadId, error instanceof AirlockError ? asRefusal(error) : ourFault(error), { giveBack: true })
    await counter.givenBack(userId)
    await store.abandonReceives(quarantineKey(uploadId))
  } catch (err) {
    log.warn({ uploadId, err, step: 'open' }, 'direct upload not ended, the sweeper retries')
  }
}
