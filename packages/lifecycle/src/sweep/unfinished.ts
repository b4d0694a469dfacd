import { finalPrefixes, quarantinePrefix, uploadIdOfQuarantineKey } from '@airlock/domain'
import type { OpenReceive } from '@airlock/storage'
import { type Ages, idsAtOnce, isReclaimable, pieces } from './reclaimable.ts'
import { rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

const prefixes = [quarantinePrefix, ...finalPrefixes]

/**
 * Uploads in parts that were never finished, at keys that are ours: an upload's quarantine key, or the final key that an ended upload was
 * promised. What other programs upload to the bucket has other keys, and is never ended.
 */
export const unfinished = rule<OpenReceive>({
  async finds(_after, deps, options) {
    return { items: (await unfinishedOf(deps, options)).over, next: null }
  },
  async moves({ key }, { store }) {
    return (await store.abandonReceives(key)) > 0 ? 'moved' : 'nothing to do'
  },
  says: 'unfinished upload of an ended upload removed',
  about: ({ key, begunAt }) => ({ uploadId: uploadIdOfQuarantineKey(key), key, begunAt }),
  removes: true,
  rests: true,
})

/** All that is unfinished below our prefixes, and what of it is ours and over. */
export async function unfinishedOf(
  deps: Pick<SweepDeps, 'uploads' | 'store'>,
  options: Ages,
): Promise<{ open: OpenReceive[]; over: OpenReceive[] }> {
  const open = (await Promise.all(prefixes.map((prefix) => deps.store.openReceives(prefix)))).flat()
  const over: OpenReceive[] = []
  for (const piece of pieces(open, idsAtOnce)) over.push(...(await oversOf(piece, deps, options)))
  return { open, over }
}

async function oversOf(open: readonly OpenReceive[], { uploads }: Pick<SweepDeps, 'uploads'>, options: Ages): Promise<OpenReceive[]> {
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
