import type { UploadRecord } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { cursorOf, placeOf } from './cursor.ts'
import { rule } from './rule.ts'

const limit = 200

/** Uploads that never finished arriving. The row first: only what is no longer alive is purged, and only under the upload's own key. */
export const stale = rule<UploadRecord>({
  async finds(after, { uploads }, { receivingForSeconds }) {
    const batch = await uploads.stale({ olderThanSeconds: receivingForSeconds, limit, after: cursorOf(after) })
    return { items: batch.uploads, next: placeOf(batch.next) }
  },
  async moves({ id, filename, quarantineKey }, { uploads, store }) {
    if (!(await uploads.abandon(id, refusal('upload_interrupted', { filename }), { giveBack: true }))) return 'nothing to do'
    await store.abandonReceives(quarantineKey)
    await store.purge(quarantineKey)
    return 'moved'
  },
  says: 'upload never finished arriving, abandoned',
  about: ({ id, state }) => ({ uploadId: id, state }),
  removes: true,
})
