import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { UploadRepository } from '@airlock/database'
import type { Log } from '@airlock/domain'
import { AirlockError, type AssetType, type MediaType, quarantineKey, type SizeLimits } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import { judgeHead } from '../intake/admission.ts'
import { Meter, type Tally } from '../intake/meter.ts'
import { type FileCounter, registerWithin, type UserLimits } from '../intake/registration.ts'
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
export interface Sender extends UserLimits {
  userId: string
  requestId: string
  door: 'form' | 'pipeline'
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
  /** Null for a direct upload, whose bytes a worker reads first. */
  contentHash: string | null
  etag: string
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
  { filename, declaredType, assetType }: IncomingFile,
  { userId, requestId, door, ...limits }: Sender,
  { uploads, counter }: ReceiveDeps,
): Promise<void> {
  const { filesPerHour, parkedBytesPerUser: parkedBytes } = limits
  const row = { id: uploadId, userId, assetType, door, filename, declaredType, quarantineKey: key, nonce, requestId }
  await registerWithin({ userId, filename, ...limits }, counter, () => uploads.register(row, { filesPerHour, parkedBytes }))
}
