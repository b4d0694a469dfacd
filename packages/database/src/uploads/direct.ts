import type { KeyedMutex } from '@airlock/async'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import {
  asColumns,
  type FileLimit,
  type NewUpload,
  type RegisterAnswer,
  type Registration,
  registrationOf,
  registrationWait,
} from './intake.ts'
import { asRecord, type UploadRecord } from './record.ts'
import { type Batch, type BatchOptions, batchOf, inOrder } from './unmoved.ts'

/** A file that its client will send straight to the bucket. */
export interface NewDirectUpload
  extends Omit<NewUpload, 'door'>,
    Pick<UploadRecord, 'partBytes' | 'expectedHash' | 'clientMetadata' | 'actedBy'> {
  /** The SHA-256 of its capability, 64 hex digits. */
  readonly capabilityHash: string
  readonly declaredBytes: number
}

/** The limits of a user's direct uploads, in addition to those of all files. */
export interface OpenLimit extends FileLimit {
  /** The maximum of open uploads of a user. */
  readonly openUploads: number
  /** The maximum of declared bytes of a user's open uploads. */
  readonly openBytes: number
  /** After this time an upload that was not completed is abandoned. */
  readonly openSeconds: number
}

/** `full: 'open'`: the limit of open uploads, in number or bytes. */
export type DirectRegistration = Registration | { readonly registered: false; readonly full: 'open' }

/** A direct upload, and whether its time to be completed is over, by the database's clock. */
export interface DirectUpload {
  readonly upload: UploadRecord
  readonly isExpired: boolean
}

/** Uploads that go straight to the bucket. They are accepted and abandoned as all others (`Intake`). */
export interface DirectUploads {
  /**
   * Inserts the row of a file that will be sent, as `register` does, unless its owner's open direct uploads are at their limit.
   *
   * @throws UnknownUser, AirlockError as `register`
   */
  openDirect(upload: NewDirectUpload, limit: OpenLimit): Promise<DirectRegistration>
  /** Stores the id of the store's multipart upload, once. @returns false when the upload is no longer `receiving` or has another one */
  setMultipartId(id: string, multipartId: string): Promise<boolean>
  /** A direct upload of any owner; null when there is none, or one of another door. */
  direct(id: string): Promise<DirectUpload | null>
  /** Direct uploads that were not completed in time, for the sweeper. */
  expiredDirect(options: BatchOptions): Promise<Batch>
}

const read = rowReader(Upload)

/** @param mutex that of `intake`: one registration of a user at a time */
export const directUploads = (sessions: Sessions, mutex: KeyedMutex): DirectUploads => ({
  async openDirect(upload, { filesPerHour, parkedBytes = Number.MAX_SAFE_INTEGER, openUploads, openBytes, openSeconds }) {
    const columns = JSON.stringify(asDirectColumns(upload))
    const ask = () => sessions.run(({ rows }) => rows(open, [columns, filesPerHour, parkedBytes, openUploads, openBytes, openSeconds]))
    const [answer] = (await mutex.run(upload.userId, ask, registrationWait)) as unknown as [OpenAnswer]
    if (answer.outcome === 'open_full') return { registered: false, full: 'open' }
    return registrationOf(answer, upload.userId)
  },

  async setMultipartId(id, multipartId) {
    const rows = await sessions.run((session) => session.rows(setMultipartId, [id, multipartId]))
    return rows.length === 1
  },

  async direct(id) {
    const [row] = await sessions.run((session) => session.rows(direct, [id]))
    return row === undefined ? null : { upload: asRecord(read(row)), isExpired: row.is_expired === true }
  },

  expiredDirect: (options) =>
    sessions.run(async ({ entities }) => {
      const rows = await inOrder(entities, 'expiresAt', options)
        .andWhere(`upload.state = 'receiving' and upload.door = 'direct'`)
        .andWhere('upload.expiresAt <= now()')
        .getMany()
      return batchOf(rows, 'expiresAt', options.limit)
    }),
})

type OpenAnswer = RegisterAnswer | (Omit<RegisterAnswer, 'outcome'> & { readonly outcome: 'open_full' })

const open = 'select * from uploads_open_direct($1, $2, $3, $4, $5, $6)'

const asDirectColumns = (upload: NewDirectUpload) => ({
  ...asColumns({ ...upload, door: 'direct' }),
  capability_hash: upload.capabilityHash,
  declared_bytes: upload.declaredBytes,
  part_bytes: upload.partBytes,
  expected_hash: upload.expectedHash,
  client_metadata: upload.clientMetadata,
  acted_by: upload.actedBy,
})

const setMultipartId = `
  update uploads set multipart_id = $2, updated_at = now()
  where id = $1 and state = 'receiving' and door = 'direct' and (multipart_id is null or multipart_id = $2)
  returning id`

const direct = `select *, expires_at <= now() as is_expired from uploads where id = $1 and door = 'direct'`
