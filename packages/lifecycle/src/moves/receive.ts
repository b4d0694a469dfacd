import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { AirlockError, type AssetType, type MediaType, quarantineKey, type SizeLimits } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import { judgeHead } from '../intake/admission.ts'
import { Meter, type Tally } from '../intake/meter.ts'
import { abandonFailed } from './abandon.ts'

/** A file as a door receives it. Its name and type are claims of the client and not trusted. */
export interface IncomingFile {
  /** From `parseFilename`. */
  filename: string
  /** From `normalizedType`. */
  declaredType: string
  /** Null until the form's field has arrived. */
  assetType: AssetType | null
  /** The SHA-256 that the client declared (RFC 9530), 64 hexadecimal digits. */
  expectedHash?: string | null
  bytes: Readable
  /** Counts and hashes the bytes that are read, also those of a refused file. */
  tally: Tally
}

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
  /** Records that Postgres refused a file of the user, who may send another one after `retryAfterSeconds`. */
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
  const place = { uploadId, key: quarantineKey(uploadId), nonce: randomUUID() }
  await register(place, file, sender, deps)
  const started = performance.now()
  const { bytes, filename, tally } = file
  const about = { uploadId, userId: sender.userId, requestId: sender.requestId, filename }
  try {
    const received = await fillQuarantine(place, file, sender, deps)
    deps.log.info(
      { ...about, sizeBytes: received.sizeBytes, ms: Math.round(performance.now() - started), step: 'receive' },
      'file received',
    )
    return received
  } catch (error) {
    await abandonFailed(error, { ...about, bytes, sizeBytes: tally.sizeBytes }, deps)
    throw error
  }
}

/** An upload's object in quarantine. */
interface Place {
  readonly uploadId: string
  readonly key: string
  /** Proves that the object was written by us, if the store's answer is lost. */
  readonly nonce: string
}

/** Peeks at the head, judges it, takes a permit, then meters and stores the file. */
async function fillQuarantine(
  { uploadId, key, nonce }: Place,
  file: IncomingFile,
  { userId, sizeLimits }: Sender,
  { store, inFlight }: ReceiveDeps,
): Promise<ReceivedFile> {
  const { filename, declaredType, expectedHash, bytes, tally } = file
  const meter = new Meter(bytes, tally)
  const ending = new AbortController()
  let releasePermit: (() => void) | undefined
  try {
    const judged = await judgeHead(await meter.peek(), file, tally.sizeBytes, sizeLimits)
    if (!judged.ok) throw AirlockError.of(judged.refusal)
    const { mediaType, limitBytes } = judged
    releasePermit = await inFlight?.take({
      userId,
      filename,
      bytes,
      arrivedBytes: () => tally.sizeBytes,
      end: (reason) => ending.abort(reason),
    })
    const metered = meter.stream({ filename, limitBytes, expectedHash })
    const { etag, sizeBytes } = await store.receive(key, metered, { nonce, signal: ending.signal })
    if (sizeBytes !== tally.sizeBytes) throw new Error(`the store received ${sizeBytes} of ${tally.sizeBytes} bytes`)
    return { uploadId, userId, filename, declaredType, mediaType, quarantineKey: key, sizeBytes, contentHash: tally.contentHash(), etag }
  } finally {
    releasePermit?.()
    meter.close()
  }
}

async function register(
  { uploadId, key, nonce }: Place,
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
