import type { KeyedMutex } from '@airlock/async'
import { AirlockError, type Refusal } from '@airlock/domain'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import { type RepeatableRequest, writeAnswer } from '../idempotency.ts'
import { prepared } from '../prepared.ts'
import type { Session, Sessions } from '../sessions.ts'
import { UnknownUser, UploadNotReceiving } from './errors.ts'
import { type Accepted, asRecord, storableText, type UploadRecord } from './record.ts'

/** The values that are known when the first byte of a file arrives. The form's fields may follow its files, so the kind may be missing. */
export interface NewUpload
  extends Pick<UploadRecord, 'id' | 'userId' | 'door' | 'filename' | 'declaredType' | 'quarantineKey' | 'nonce' | 'requestId'>,
    Partial<Pick<UploadRecord, 'assetType' | 'projectId' | 'brandId'>> {}

export interface FileLimit {
  readonly filesPerHour: number
  /** The maximum of bytes in parked uploads of one user; at the maximum, new files are refused. Absent: no limit. */
  readonly parkedBytes?: number | undefined
}

export type Registration =
  | { readonly registered: true; readonly filesUsed: number }
  | { readonly registered: false; readonly full: 'hour'; readonly filesUsed: number; readonly retryAfterSeconds: number }
  | { readonly registered: false; readonly full: 'parked' }

/** The values that are known of a file when its request has been read to the end. The door has checked its metadata (`StoredMetadata`). */
export interface AcceptedUpload
  extends Accepted<'id' | 'assetType' | 'projectId' | 'brandId' | 'detectedType' | 'finalKey' | 'sizeBytes' | 'etag'>,
    Partial<Pick<UploadRecord, 'clientMetadata' | 'actedBy'>> {
  /** Null for a direct upload, whose bytes a worker reads first. */
  readonly contentHash: string | null
}

/** The moves of an upload at a door, until it is accepted or abandoned. */
export interface Intake {
  /**
   * Inserts the row of a file that is being received, unless its owner has had `filesPerHour` files in the last hour, or has `parkedBytes` parked.
   * The hourly count is exact, also when many gateways count the same user at once; uploads that may still be parked do not count yet. A missing
   * `users` row is inserted.
   *
   * @throws UnknownUser when the user does not exist and can't be inserted
   * @throws AirlockError `overloaded` after waiting 10 s for other registrations of the user
   */
  register(upload: NewUpload, limit: FileLimit): Promise<Registration>
  /**
   * Accepts all given files of a request, or none. This commit is what a 202 promises.
   * After `DatabaseUnavailable` it may have been committed nevertheless: then `abandon` returns false.
   *
   * @returns the rows in the order of `uploads`
   * @throws UploadNotReceiving when one of them was abandoned; none was accepted
   * @throws IdempotencyLeaseLost when the request was taken over; none was accepted
   */
  accept(uploads: readonly AcceptedUpload[], options?: { idempotency?: RepeatableRequest | undefined }): Promise<UploadRecord[]>
  /**
   * Moves an upload that was not accepted to `abandoned`.
   *
   * @param giveBack when the fault was ours: it does not count against its owner's hourly limit
   * @returns false when it is no longer `receiving`; nothing was changed
   */
  abandon(id: string, refusal: Refusal, options: { giveBack: boolean }): Promise<boolean>
  /** Removes an upload from its owner's hourly count, whatever its state. Idempotent. */
  giveBack(id: string): Promise<void>
}

const read = rowReader(Upload)

/** How long a registration waits for others of the same user. */
export const registrationWait = { maxWaitMs: 10_000, makeError: () => new AirlockError('overloaded', {}) } as const

/**
 * @param mutex one registration of a user at a time. In the database they would wait for one lock, each with a connection: a hundred files of one
 *   user would occupy the whole pool, and all other users would wait.
 */
export const intake = (sessions: Sessions, mutex: KeyedMutex): Intake => ({
  async register(upload, { filesPerHour, parkedBytes = Number.MAX_SAFE_INTEGER }) {
    const ask = () => sessions.run(({ rows }) => rows(register, [JSON.stringify(asColumns(upload)), filesPerHour, parkedBytes]))
    const [answer] = await mutex.run(upload.userId, ask, registrationWait)
    return registrationOf(answer as unknown as RegisterAnswer, upload.userId)
  },

  async accept(uploads, { idempotency } = {}) {
    if (uploads.length === 0) return []
    const traceparent = sessions.tracing?.traceparent() ?? null
    if (idempotency === undefined) return sessions.run((session) => acceptAll(session, uploads, traceparent))
    return sessions.transaction(async (transaction) => {
      const records = await acceptAll(transaction, uploads, traceparent)
      await writeAnswer(transaction, idempotency, records)
      return records
    })
  },

  async abandon(id, { code, error, detail }, { giveBack }) {
    const rows = await sessions.run((session) => session.rows(abandon, [id, code, error, detail, giveBack]))
    return rows.length === 1
  },

  async giveBack(id) {
    await sessions.run(({ entities }) => entities.update(Upload, { id, counted: true }, { counted: false }))
  },
})

async function acceptAll({ rows }: Session, uploads: readonly AcceptedUpload[], traceparent: string | null): Promise<UploadRecord[]> {
  const wanted = uploads.map((upload) => ({ ...upload, id: upload.id.toLowerCase() }))
  const trace = traceparent === null ? [] : [traceparent]
  const accepted = await rows(traceparent === null ? accept : acceptTraced, [JSON.stringify(wanted), wanted.length, ...trace])
  const records = new Map(accepted.map((row) => [row.id, asRecord(read(row))]))
  return wanted.map(({ id }) => {
    const record = records.get(id)
    if (record === undefined) throw new UploadNotReceiving(wanted.map((upload) => upload.id))
    return record
  })
}

const register = prepared('register', 'select * from uploads_register($1, $2, $3)')

export interface RegisterAnswer {
  readonly outcome: 'registered' | 'limit_reached' | 'parked_full' | 'unknown_user'
  readonly files_used: number
  readonly retry_after_seconds: number
}

export function registrationOf({ outcome, files_used, retry_after_seconds }: RegisterAnswer, userId: string): Registration {
  switch (outcome) {
    case 'registered':
      return { registered: true, filesUsed: files_used }
    case 'limit_reached':
      return { registered: false, full: 'hour', filesUsed: files_used, retryAfterSeconds: retry_after_seconds }
    case 'parked_full':
      return { registered: false, full: 'parked' }
    case 'unknown_user':
      throw new UnknownUser(userId)
    default:
      throw new Error(`uploads_register answered '${outcome satisfies never}'`)
  }
}

export const asColumns = (upload: NewUpload) => ({
  id: upload.id,
  user_id: upload.userId,
  door: upload.door,
  asset_type: upload.assetType,
  project_id: upload.projectId,
  brand_id: upload.brandId,
  original_filename: storableText(upload.filename, 255),
  declared_type: storableText(upload.declaredType, 255),
  quarantine_key: upload.quarantineKey,
  nonce: upload.nonce,
  request_id: upload.requestId === null ? null : storableText(upload.requestId, 200),
})

/**
 * One statement, so one transaction and one round trip: it locks all rows that are still receiving, and moves them only if none is missing.
 *
 * @param traced whether there is a trace to store; without one, the column is not named, so that a service may run before the migration
 */
const acceptText = (traced: boolean) => `
  with accepted as (
    select * from jsonb_to_recordset($1) as a(
      "id" uuid, "assetType" text, "projectId" uuid, "brandId" uuid, "detectedType" text, "finalKey" text,
      "sizeBytes" bigint, "contentHash" text, "etag" text, "clientMetadata" jsonb, "actedBy" uuid)
  ), ready as (
    select id from uploads where id in (select id from accepted) and state = 'receiving' order by id for update
  )
  update uploads set
    state = 'received', received_at = now(), updated_at = now(),
    asset_type = accepted."assetType", project_id = accepted."projectId", brand_id = accepted."brandId",
    detected_type = accepted."detectedType", final_key = accepted."finalKey",
    size_bytes = accepted."sizeBytes", content_hash = accepted."contentHash", etag = accepted."etag",
    client_metadata = accepted."clientMetadata", acted_by = accepted."actedBy"${traced ? ', traceparent = $3' : ''}
  from accepted join ready on ready.id = accepted.id
  where uploads.id = accepted.id and uploads.state = 'receiving' and (select count(*) from ready) = $2
  returning uploads.*`

const accept = prepared('accept', acceptText(false))
const acceptTraced = prepared('accept_traced', acceptText(true))

const abandon = `
  update uploads set
    state = 'abandoned', abandoned_at = now(), updated_at = now(),
    error_code = $2, error_title = $3, error_detail = $4, counted = counted and not $5
  where id = $1 and state = 'receiving'
  returning id`
