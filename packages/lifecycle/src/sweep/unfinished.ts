import { finalPrefixes, quarantinePrefix, uploadIdOfQuarantineKey } from '@airlock/domain'
import type { OpenReceive } from '@airlock/storage'
import { rule } from './rule.ts'
import { type Ages, idsAtOnce, isReclaimable, pieces } from './stored-objects.ts'
import type { SweepDeps } from './sweep-options.ts'

const prefixes = [quarantinePrefix, ...finalPrefixes]

/**
 * Multipart uploads that were never completed, at keys of Airlock: the quarantine key of an upload, or the final key of an ended upload.
 * Those of other programs in the bucket have other keys, and are never aborted.
 */
export const unfinished = rule<OpenReceive>({
  async finds(_after, deps, options) {
    return { items: (await unfinishedOf(deps, options)).reclaimable, next: null }
  },
  async moves({ key }, { store }) {
    return (await store.abandonReceives(key)) > 0 ? 'moved' : 'nothing to do'
  },
  message: 'unfinished multipart upload of an ended upload removed',
  about: ({ key, begunAt }) => ({ uploadId: uploadIdOfQuarantineKey(key), key, begunAt }),
  removes: true,
  rests: true,
})

/** All unfinished multipart uploads under our prefixes, and those that are reclaimable. */
export async function unfinishedOf(
  deps: Pick<SweepDeps, 'uploads' | 'store'>,
  options: Ages,
): Promise<{ open: OpenReceive[]; reclaimable: OpenReceive[] }> {
  const open = (await Promise.all(prefixes.map((prefix) => deps.store.openReceives(prefix)))).flat()
  const reclaimable: OpenReceive[] = []
  for (const piece of pieces(open, idsAtOnce)) reclaimable.push(...(await reclaimableOf(piece, deps, options)))
  return { open, reclaimable }
}

async function reclaimableOf(open: readonly OpenReceive[], { uploads }: Pick<SweepDeps, 'uploads'>, options: Ages): Promise<OpenReceive[]> {
  const ids = open.flatMap(({ key }) => uploadIdOfQuarantineKey(key) ?? [])
  const byId = new Map((await uploads.byIds(ids)).map((upload) => [upload.id, upload]))
  const byKey = new Map((await uploads.byFinalKeys(open.map(({ key }) => key))).map((upload) => [upload.finalKey, upload]))
  return open.filter(({ key, begunAt }) => {
    const id = uploadIdOfQuarantineKey(key)
    if (id !== null) return isReclaimable(byId.get(id), begunAt, options)
    const upload = byKey.get(key)
    return upload !== undefined && isReclaimable(upload, begunAt, options)
  })
}
