import type { UploadRecord } from '@airlock/database'
import { cursorOf, placeOf } from './cursor.ts'
import { rule } from './rule.ts'

const limit = 200

/** Final uploads of long ago: nobody asks for their jobs any more. What is parked waits for an operator, however long. */
export const outdated = rule<UploadRecord>({
  async finds(after, { uploads }, { uploadRecordDays: olderThanDays }) {
    const batch = await uploads.outdated({ olderThanDays, limit, after: cursorOf(after) })
    return { items: batch.uploads, next: placeOf(batch.next) }
  },
  async moves({ id }, { uploads }, { uploadRecordDays: olderThanDays }) {
    return (await uploads.forget(id, { olderThanDays })) ? 'moved' : 'nothing to do'
  },
  says: 'upload of long ago forgotten',
  about: ({ id, state }) => ({ uploadId: id, state }),
  removes: true,
  rests: true,
})
