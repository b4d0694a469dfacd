import { KeyedMutex } from '@airlock/async'
import { rowReader } from '../entities/columns.ts'
import { Upload } from '../entities/upload.ts'
import { atMost, inOrderOf } from '../ids.ts'
import { prepared } from '../prepared.ts'
import type { Sessions } from '../sessions.ts'
import { type Browse, browse } from './browse.ts'
import { type Decisions, decisions } from './decisions.ts'
import { type DirectUploads, directUploads } from './direct.ts'
import { type Ended, ended } from './ended.ts'
import { type Intake, intake } from './intake.ts'
import { listUploads, type UploadListOptions, type UploadPage } from './list.ts'
import { asRecord, type UploadRecord } from './record.ts'
import { type Turns, turns } from './turns.ts'
import { type Unmoved, unmoved } from './unmoved.ts'
import { type Videos, videos } from './videos.ts'
import { type Work, work } from './work.ts'

/**
 * All uploads. Each change of state is one compare-and-set statement that names the state it starts from.
 * All times are by the database's clock, so that the clocks of workers don't matter.
 */
export interface UploadRepository extends Intake, DirectUploads, Videos, Work, Turns, Decisions, Browse, Unmoved, Ended {
  /** An upload of any owner; the caller checks whose it is. */
  byId(id: string): Promise<UploadRecord | null>
  /** Uploads of any owner, at most 100, in the order of `ids`; unknown ids are skipped. */
  byIds(ids: readonly string[]): Promise<UploadRecord[]>
  /** One page of a user's accepted uploads, newest first. @throws RangeError when `limit` is not 1 to 100 */
  list(options: UploadListOptions): Promise<UploadPage>
}

const read = rowReader(Upload)

const byId = prepared('upload', 'select * from uploads where id = $1')

export const uploadRepository = (sessions: Sessions, registrations = new KeyedMutex()): UploadRepository => ({
  ...intake(sessions, registrations),
  ...directUploads(sessions, registrations),
  ...videos(sessions),
  ...work(sessions),
  ...turns(sessions),
  ...decisions(sessions),
  ...browse(sessions),
  ...unmoved(sessions),
  ...ended(sessions),
  list: (options) => sessions.run((session) => listUploads(session, options)),
  byId: async (id) => {
    const [row] = await sessions.run((session) => session.rows(byId, [id]))
    return row === undefined ? null : asRecord(read(row))
  },
  byIds: async (ids) => {
    atMost(100, ids)
    const rows = await sessions.run((session) => session.rows('select * from uploads where id = any($1::uuid[])', [ids]))
    return inOrderOf(
      ids,
      rows.map((row) => asRecord(read(row))),
    )
  },
})
