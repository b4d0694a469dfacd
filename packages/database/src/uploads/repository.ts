import { Upload } from '../entities/upload.ts'
import type { Sessions } from '../sessions.ts'
import { type Intake, intake } from './intake.ts'
import { asRecord, type UploadRecord } from './record.ts'
import { type Unmoved, unmoved } from './unmoved.ts'
import { type Work, work } from './work.ts'

/**
 * The record of all uploads. Each change of state is one compare-and-set statement that names the state it starts from.
 * All times are the database's, so that clocks of workers don't matter.
 */
export interface UploadRepository extends Intake, Work, Unmoved {
  /** An upload of any owner; whose it is, the caller judges. */
  byId(id: string): Promise<UploadRecord | null>
}

export const uploadRepository = (sessions: Sessions): UploadRepository => ({
  ...intake(sessions),
  ...work(sessions),
  ...unmoved(sessions),
  byId: async (id) => {
    const row = await sessions.run(({ entities }) => entities.findOneBy(Upload, { id }))
    return row === null ? null : asRecord(row)
  },
})
