import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { UploadRepository } from '@airlock/database'
import { AirlockError, asRefusal, type MediaType, quarantineKey, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import { type ObjectStore, StoreError } from '@airlock/storage'
import { v7 as uuidV7 } from 'uuid'
import type { IncomingFile } from './incoming-file.ts'
import { judgeHead } from './judge-head.ts'
import type { Log } from './log.ts'
import { Meter } from './meter.ts'

/** Who sends, by which door, and what they may. */
export interface Sender {
  userId: string
  requestId: string
  door: 'form' | 'pipeline'
  filesPerHour: number
  /** Bytes of failed uploads of one user that are kept for operators: with as many, no new file is taken in. Absent: no bound. */
  parkedBytesPerUser?: number | undefined
  sizeLimits: SizeLimits
}

/** A file in quarantine, whole, but not accepted yet: its row still says `receiving`. */
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
 * Remembers for a moment that Postgres has refused a user's file, so that a flood costs little of the database. It may know too little, never
 * decides by itself, and never throws: Postgres counts in the statement that inserts the row.
 */
export interface FileCounter {
  /** Seconds until the user may send another file; 0 = now, as far as the counter knows. */
  secondsUntilRoom(userId: string): Promise<number>
  /** Postgres has just refused a file of the user, who may send another after so many seconds. */
  refused(userId: string, retryAfterSeconds: number): Promise<void>
  /** A file was given back: there may be room again. */
  givenBack(userId: string): Promise<void>
}

export interface ReceiveDeps {
  uploads: Pick<UploadRepository, 'register' | 'abandon'>
  store: Pick<ObjectStore, 'receive'>
  counter: FileCounter
  /** Bounds the files on their way to the store. Asked when a file's first bytes are there, so that silent clients hold nothing. */
  inFlight?: Permits
  log: Log
}

/** A file that has begun to arrive, as those see it who share out permits. */
export interface FileOnItsWay {
  /** The user for whom it counts. */
  readonly userId: string
  readonly filename: string
  /** What its client sends; it closes early when the client goes away. */
  readonly bytes: Readable
  arrivedBytes(): number
  /** Ends it to make room for others; what waits for it then gets the reason. */
  end(reason: Error): void
}

export interface Permits {
  /** @returns gives the permit back. @throws AirlockError `overloaded`, or what the file failed with while it waited */
  take(file: FileOnItsWay): Promise<() => void>
}

/**
 * Streams one file to quarantine: never whole in memory, counted, hashed, refused as early as its first bytes allow.
 *
 * We may die after any line. The row is there before the first byte, so that the sweeper finds whatever we leave behind. When this throws,
 * the row is `abandoned` and the store holds nothing of the file; what failed by our fault is given back to the user's hour.
 *
 * @throws AirlockError with the file's own fault, `file_limit_reached`, `parked_limit_reached`, or `unknown_user`
 * @throws StoreUnavailable, DatabaseUnavailable  our fault: the client may try again
 */
export async function receive(file: IncomingFile, sender: Sender, deps: ReceiveDeps): Promise<ReceivedFile> {
  const uploadId = uuidV7()
  const key = quarantineKey(uploadId)
  const nonce = randomUUID()
  await register(uploadId, key, nonce, file, sender, deps)
  const started = performance.now()
  const about = { uploadId, userId: sender.userId, requestId: sender.requestId, filename: file.filename }

  let mediaType: MediaType | null = null
  let giveBackPermit: (() => void) | undefined
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
      const judged = await judgeHead(head, file, sender.sizeLimits)
      mediaType = judged.mediaType
      giveBackPermit = await deps.inFlight?.take(onItsWay)
      if (hasEnded) giveBackPermit?.() // it came too late
      return judged.limitBytes
    },
  })
  try {
    const { etag } = await deps.store.receive(key, meter.stream, { nonce, signal: ending.signal }).finally(() => {
      hasEnded = true
      giveBackPermit?.()
    })
    if (mediaType === null) throw new Error('the store took a file whose head nobody judged')
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

/** The user's hour is full. Nothing was read. */
export class FileLimitReached extends AirlockError<'file_limit_reached'> {
  readonly retryAfterSeconds: number

  constructor({ filename, limit, retryAfterSeconds }: { filename: string; limit: number; retryAfterSeconds: number }) {
    super('file_limit_reached', { filename, limit })
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Writes down why a file was not received. When even that fails, the row stays `receiving` and the sweeper abandons it. */
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
    log.warn({ ...about, err }, 'upload not marked as abandoned yet, the sweeper will')
  })
  if (giveBack) await counter.givenBack(about.userId)
}

/** Why a file was not received. What breaks off is the client's; every other failure is ours, and goes back to the user's hour. */
function reasonOf(error: unknown, bytes: Readable, filename: string): { why: Refusal; giveBack: boolean } {
  if (error instanceof AirlockError) return { why: asRefusal(error), giveBack: error.isOurs }
  if (error instanceof StoreError) return { why: refusal('storage_unavailable', {}), giveBack: true }
  if (bytes.destroyed && !bytes.readableEnded) return { why: refusal('upload_interrupted', { filename }), giveBack: false }
  return { why: refusal('internal_error', {}), giveBack: true }
}
