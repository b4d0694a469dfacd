import type { UploadRecord } from '@airlock/database'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { rule } from './rule.ts'

const limit = 200

/** Final uploads that are older than the retention of upload records. Parked uploads wait for an operator without a limit. */
export const outdated = rule<UploadRecord>({
  async finds(after, { uploads }, { uploadRecordDays: olderThanDays }) {
    const batch = await uploads.outdated({ olderThanDays, limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  async moves({ id }, { uploads }, { uploadRecordDays: olderThanDays }) {
    return (await uploads.forget(id, { olderThanDays })) ? 'moved' : 'nothing to do'
  },
  message: 'record of an old upload deleted',
  about: ({ id, state }) => ({ uploadId: id, state }),
  removes: true,
  rests: true,
})
