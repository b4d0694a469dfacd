import type { UploadRecord } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { rule } from './rule.ts'

const limit = 200

/** Uploads that never arrived completely. The row is moved first, so that only the object of an abandoned upload is purged. */
export const stale = rule<UploadRecord>({
  async finds(after, { uploads }, { receivingForSeconds }) {
    const batch = await uploads.stale({ olderThanSeconds: receivingForSeconds, limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  async moves({ id, filename, quarantineKey }, { uploads, store }) {
    if (!(await uploads.abandon(id, refusal('upload_interrupted', { filename }), { giveBack: true }))) return 'nothing to do'
    await store.abandonReceives(quarantineKey)
    await store.purge(quarantineKey)
    return 'moved'
  },
  message: 'upload never arrived completely, abandoned',
  about: ({ id, state }) => ({ uploadId: id, state }),
  removes: true,
})
