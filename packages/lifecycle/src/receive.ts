import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { UploadRepository } from '@airlock/database'
import { AirlockError, asRefusal, type MediaType, quarantineKey, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import { type ObjectStore, StoreError } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import { checkHead } from './check-head.ts'
import type { IncomingFile } from './incoming-file.ts'
import type { Log } from './log.ts'
import { Meter } from './meter.ts'

/** The sender of a file, its door, and the sender's limits. */
export interface Sender {
  userId: string
  requestId: string
  door: 'form' | 'pipeline'
  filesPerHour: number
  /** The maximum of bytes in parked uploads of one user; at the maximum, new files are refused. Absent: no limit. */
  parkedBytesPerUser?: number | undefined
  sizeLimits: SizeLimits
}

/** A file that is completely in quarantine but not accepted yet: its row is still `receiving`. */
export interface ReceivedFile {
  uploadId: string
  userId: string
  filename: string
  declaredType: string
  mediaType: MediaType
  quarantineKey: string
  sizeBytes: number
  contentHash: string
  etag: string
}

/**
 * A short-lived cache of users whose files Postgres refuses, so that a flood of requests costs the database little. It may be incomplete, and
 * never throws: Postgres counts, in the statement that inserts the row.
 */
export interface FileCounter {
  /** Seconds until the user may send another file; 0 = now, as far as the cache knows. */
  secondsUntilRoom(userId: string): Promise<number>
  /** Postgres has refused a file of the user, who may send another one after so many seconds. */
  refused(userId: string, retryAfterSeconds: number): Promise<void>
  /** A file no longer counts against the user, who may be below the limit again. */
  givenBack(userId: string): Promise<void>
}

export interface ReceiveDeps {
  uploads: Pick<UploadRepository, 'register' | 'abandon'>
  store: Pick<ObjectStore, 'receive'>
  counter: FileCounter
  /** Bounds the files in transit to the store. A permit is taken when a file's first bytes have arrived, so that silent clients hold none. */
  inFlight?: Permits
  log: Log
}

/** A file that has begun to arrive, as the permits need it. */
export interface FileOnItsWay {
  /** The user against whose share it counts. */
  readonly userId: string
  readonly filename: string
  /** The client's bytes; the stream closes early when the client disconnects. */
  readonly bytes: Readable
  arrivedBytes(): number
  /** Aborts the file with a reason, to free its permit for others. */
  end(reason: Error): void
}

export interface Permits {
  /** @returns a function that releases the permit. @throws AirlockError `overloaded`, or the error with which the file failed while it waited */
  take(file: FileOnItsWay): Promise<() => void>
}

/**
 * Streams one file to quarantine: in bounded memory, counted, hashed, and refused as early as its first bytes allow.
 *
 * We may die after any line. The row is inserted before the first byte is sent, so that the sweeper finds whatever remains. When this throws,
 * the row is `abandoned` and the store has no bytes of the file; a failure through a fault of ours does not count against the user's hourly limit.
 *
 * @throws AirlockError with the file's fault, `file_limit_reached`, `parked_limit_reached`, or `unknown_user`
 * @throws StoreUnavailable, DatabaseUnavailable  not the client's fault; it may retry
 */
export async function receive(file: IncomingFile, sender: Sender, deps: ReceiveDeps): Promise<ReceivedFile> {
  const uploadId = uuidV7()
  const key = quarantineKey(uploadId)
  const nonce = randomUUID()
  await register(uploadId, key, nonce, file, sender, deps)
  const started = performance.now()
  const about = { uploadId, userId: sender.userId, requestId: sender.requestId, filename: file.filename }

  let mediaType: MediaType | null = null
  let releasePermit: (() => void) | undefined
  let hasEnded = false
  const ending = new AbortController()
  const onItsWay: FileOnItsWay = {
    userId: sender.userId,
    filename: file.filename,
    bytes: file.bytes,
    arrivedBytes: () => meter.sizeBytes,
    end: (reason) => ending.abort(reason),
  }
  const meter: Meter = new Meter(file.bytes, {
    filename: file.filename,
    expectedHash: file.expectedHash,
    tally: file.tally,
    judge: async (head) => {
      const checked = await checkHead(head, file, sender.sizeLimits)
      mediaType = checked.mediaType
      releasePermit = await deps.inFlight?.take(onItsWay)
      if (hasEnded) releasePermit?.() // granted after the file had failed
      return checked.limitBytes
    },
  })
  try {
    const { etag } = await deps.store.receive(key, meter.stream, { nonce, signal: ending.signal }).finally(() => {
      hasEnded = true
      releasePermit?.()
    })
    if (mediaType === null) throw new Error('the store received a file whose head was not checked')
    const received = {
      ...file,
      uploadId,
      userId: sender.userId,
      mediaType,
      quarantineKey: key,
      etag,
      sizeBytes: meter.sizeBytes,
      contentHash: meter.contentHash,
    }
    deps.log.info({ ...about, sizeBytes: meter.sizeBytes, ms: Math.round(performance.now() - started), step: 'receive' }, 'file received')
    return received
  } catch (error) {
    await abandonFailed(error, file.bytes, about, meter.sizeBytes, deps)
    throw error
  }
}

async function register(
  uploadId: string,
  key: string,
  nonce: string,
  file: IncomingFile,
  sender: Sender,
  { uploads, counter }: ReceiveDeps,
): Promise<void> {
  const { userId, filesPerHour, parkedBytesPerUser } = sender
  const limitReached = (retryAfterSeconds: number) =>
    new FileLimitReached({ filename: file.filename, limit: filesPerHour, retryAfterSeconds })
  const seconds = await counter.secondsUntilRoom(userId)
  if (seconds > 0) throw limitReached(seconds)
  const outcome = await uploads.register(
    {
      id: uploadId,
      userId,
      assetType: file.assetType,
      door: sender.door,
      filename: file.filename,
      declaredType: file.declaredType,
      quarantineKey: key,
      nonce,
      requestId: sender.requestId,
    },
    { filesPerHour, parkedBytes: parkedBytesPerUser },
  )
  if (outcome.registered) return
  if (outcome.full === 'parked')
    throw new AirlockError('parked_limit_reached', { filename: file.filename, limitBytes: parkedBytesPerUser ?? 0 })
  await counter.refused(userId, outcome.retryAfterSeconds)
  throw limitReached(outcome.retryAfterSeconds)
}

/** The user has reached the hourly limit. Nothing was read. */
export class FileLimitReached extends AirlockError<'file_limit_reached'> {
  readonly retryAfterSeconds: number

  constructor({ filename, limit, retryAfterSeconds }: { filename: string; limit: number; retryAfterSeconds: number }) {
    super('file_limit_reached', { filename, limit })
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Records why a file was not received. If that fails as well, the row stays `receiving` and the sweeper abandons it. */
async function abandonFailed(
  error: unknown,
  bytes: Readable,
  about: { uploadId: string; userId: string; filename: string },
  sizeBytes: number,
  { uploads, counter, log }: ReceiveDeps,
): Promise<void> {
  const { why, giveBack } = reasonOf(error, bytes, about.filename)
  const fields = { ...about, sizeBytes, code: why.code, step: 'receive' }
  log.info(error instanceof AirlockError ? fields : { ...fields, err: error }, 'file not received')
  await uploads.abandon(about.uploadId, why, { giveBack }).catch((err: unknown) => {
    log.warn({ ...about, err }, 'upload not marked as abandoned, the sweeper retries')
  })
  if (giveBack) await counter.givenBack(about.userId)
}

/** Why a file was not received. An interrupted request is the client's fault; all other failures are ours and do not count against the limit. */
function reasonOf(error: unknown, bytes: Readable, filename: string): { why: Refusal; giveBack: boolean } {
  if (error instanceof AirlockError) return { why: asRefusal(error), giveBack: error.isOurs }
  if (error instanceof StoreError) return { why: refusal('storage_unavailable', {}), giveBack: true }
  if (bytes.destroyed && !bytes.readableEnded) return { why: refusal('upload_interrupted', { filename }), giveBack: false }
  return { why: refusal('internal_error', {}), giveBack: true }
}
