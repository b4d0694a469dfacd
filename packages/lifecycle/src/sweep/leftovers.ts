import { quarantinePrefix, uploadIdOfQuarantineKey } from '@airlock/domain'
import type { ListedObject } from '@airlock/storage'
import { type Ages, idsAtOnce, isOver } from './over.ts'
import { rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

/**
 * Objects in quarantine whose upload has ended: the store was away when they were to be removed, or they were written late.
 * A key that Airlock would not make is left alone.
 */
export const leftovers = rule<ListedObject>({
  async finds(after, deps, options) {
    const objects = await deps.store.list(quarantinePrefix, { limit: idsAtOnce, ...(after !== null && { after }) })
    const next = objects.length < idsAtOnce ? null : (objects.at(-1)?.key ?? null)
    return { items: await leftoversOf(objects, deps, options), next }
  },
  async moves({ key }, { store }) {
    await store.purge(key)
    return 'moved'
  },
  says: 'object of an ended upload removed from quarantine',
  about: ({ key, sizeBytes }) => ({ uploadId: uploadIdOfQuarantineKey(key), key, sizeBytes }),
  removes: true,
})

/** @param objects below the prefix of quarantine, at most 100 */
export async function leftoversOf(
  objects: readonly ListedObject[],
  { uploads }: Pick<SweepDeps, 'uploads'>,
  options: Ages,
): Promise<ListedObject[]> {
  const ours = objects.flatMap((object) => {
    const id = uploadIdOfQuarantineKey(object.key)
    return id === null ? [] : [{ object, id }]
  })
  if (ours.length === 0) return []
  const rows = new Map((await uploads.byIds(ours.map(({ id }) => id))).map((upload) => [upload.id, upload]))
  return ours.filter(({ object, id }) => isOver(rows.get(id), object.lastModified, options)).map(({ object }) => object)
}
