import type { UploadRecord } from '@airlock/database'
import { inboxPrefix, placeOfInboxKey, quarantinePrefix, uploadIdOfWaitingKey } from '@airlock/domain'
import type { ListedObject } from '@airlock/storage'
import { type Ages, idsAtOnce, isOver } from './over.ts'
import { rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

/** Where bytes wait, in the order in which it is looked through. */
const prefixes = [inboxPrefix, quarantinePrefix]

/**
 * Objects in quarantine or in the pipeline's inbox whose upload has ended: the store was away when they were to be removed, or they were written late.
 * A key that Airlock would not make is left alone.
 */
export const leftovers = rule<ListedObject>({
  async finds(after, deps, options) {
    const prefix = prefixes.find((candidate) => after?.startsWith(candidate)) ?? inboxPrefix
    const objects = await deps.store.list(prefix, { limit: idsAtOnce, after: after ?? prefix })
    const next = objects.length < idsAtOnce ? (prefixes[prefixes.indexOf(prefix) + 1] ?? null) : (objects.at(-1)?.key ?? null)
    return { items: await leftoversOf(objects, deps, options), next }
  },
  async moves({ key }, { store }) {
    await store.purge(key)
    return 'moved'
  },
  says: 'object of an ended upload removed from quarantine',
  about: ({ key, sizeBytes }) => ({ uploadId: uploadIdOfWaitingKey(key), key, sizeBytes }),
  removes: true,
})

/** @param objects below the prefix of quarantine or inbox, at most 100 */
export async function leftoversOf(
  objects: readonly ListedObject[],
  { uploads }: Pick<SweepDeps, 'uploads'>,
  options: Ages,
): Promise<ListedObject[]> {
  const ours = objects.flatMap((object) => {
    const id = uploadIdOfWaitingKey(object.key)
    return id === null ? [] : [{ object, id }]
  })
  if (ours.length === 0) return []
  const rows = new Map((await uploads.byIds(ours.map(({ id }) => id))).map((upload) => [upload.id, upload]))
  return ours.filter(({ object, id }) => mayGo(object, rows.get(id), options)).map(({ object }) => object)
}

/** In the inbox an object without a row is a video that nobody has announced; and no row speaks for an object at another key than its own. */
function mayGo({ key, lastModified }: ListedObject, upload: UploadRecord | undefined, options: Ages): boolean {
  if (upload === undefined) return placeOfInboxKey(key) === null && isOver(upload, lastModified, options)
  return upload.quarantineKey === key && isOver(upload, lastModified, options)
}
