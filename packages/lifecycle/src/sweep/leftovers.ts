import type { UploadRecord } from '@airlock/database'
import { idsOfInboxKey, inboxPrefix, isStoreCheckKey, quarantinePrefix, uploadIdOfWaitingKey } from '@airlock/domain'
import { type ListedObject, StoreFailure } from '@airlock/storage'
import { finalCopyOf } from '../upload-objects.ts'
import { rule } from './rule.ts'
import { type Ages, atOnce, idsAtOnce, isOlder, isReclaimable, pieces, shownOf } from './stored-objects.ts'
import type { SweepDeps } from './sweep-options.ts'

/** The prefixes under which bytes wait, in the order of the scan. */
const prefixes = [inboxPrefix, quarantinePrefix]

/**
 * Objects in quarantine or in the pipeline's inbox whose upload has ended: the store was unavailable when they should have been removed, or they
 * were written late. Objects without a row stay, because a restored database may have lost an acceptance; objects that may be the last copy of
 * an asset stay as well. Both are reported. Keys of another form are ignored, except those of a gateway that died while it checked the store.
 */
export const leftovers = rule<ListedObject>({
  async finds(after, deps, options) {
    const prefix = prefixes.find((candidate) => after?.startsWith(candidate)) ?? inboxPrefix
    const objects = await deps.store.list(prefix, { limit: idsAtOnce, after: after ?? prefix })
    const next = objects.length < idsAtOnce ? (prefixes[prefixes.indexOf(prefix) + 1] ?? null) : (objects.at(-1)?.key ?? null)
    const judged = await judgeLeftovers(objects, deps, options)
    report(judged, deps)
    return { items: judged.reclaimable, next }
  },
  async moves({ key }, { store }) {
    await store.purge(key)
    return 'moved'
  },
  message: 'object of an ended upload removed from quarantine',
  about: ({ key, sizeBytes }) => ({ uploadId: uploadIdOfWaitingKey(key), key, sizeBytes }),
  removes: true,
  rests: true,
})

function report({ lastCopies, unproven }: JudgedLeftovers, { log, onFound }: SweepDeps): void {
  const fields = { rule: 'leftovers', step: 'sweep' }
  onFound?.('last_copy', lastCopies.length)
  onFound?.('unproven_object', unproven.length)
  if (lastCopies.length > 0) log.error({ ...fields, ...shownOf(lastCopies) }, 'assets have no object, their bytes in quarantine kept')
  if (unproven.length > 0) log.warn({ ...fields, ...shownOf(unproven) }, 'objects in quarantine have no row, left unchanged')
}

/** Objects in quarantine or inbox, judged by their rows. Recent objects and those that a live upload needs are in none of the lists. */
export interface JudgedLeftovers {
  readonly reclaimable: ListedObject[]
  /** Bytes of assets whose own object is missing. */
  readonly lastCopies: ListedObject[]
  /** In quarantine, without a row. In the inbox such an object is a video that was not announced. */
  readonly unproven: ListedObject[]
}

/**
 * The objects are listed before the rows are read. For a completed upload, the asset's object is read first, and then whether the asset still
 * exists: the bytes of a deleted asset are not needed.
 *
 * @param objects under the prefix of quarantine or inbox, at most 100
 */
export async function judgeLeftovers(
  objects: readonly ListedObject[],
  deps: Pick<SweepDeps, 'uploads' | 'assets' | 'store'>,
  options: Ages,
): Promise<JudgedLeftovers> {
  const checks = objects.filter((object) => isStoreCheckKey(object.key) && isWithoutRequest(object, options))
  const judged: JudgedLeftovers = { reclaimable: checks, lastCopies: [], unproven: [] }
  const ours = objects.flatMap((object) => {
    const id = uploadIdOfWaitingKey(object.key)
    return id === null ? [] : [{ object, id }]
  })
  if (ours.length === 0) return judged
  const rows = new Map((await deps.uploads.byIds(ours.map(({ id }) => id))).map((upload) => [upload.id, upload]))
  const completed: { object: ListedObject; upload: UploadRecord }[] = []
  for (const { object, id } of ours) {
    const upload = rows.get(id)
    if (upload === undefined) {
      if (idsOfInboxKey(object.key) === null && isWithoutRequest(object, options)) judged.unproven.push(object)
    } else if (upload.quarantineKey === object.key && isReclaimable(upload, object.lastModified, options)) {
      if (upload.state === 'completed') completed.push({ object, upload })
      else judged.reclaimable.push(object)
    }
  }
  for (const piece of pieces(completed, atOnce)) {
    const redundant = await Promise.all(piece.map(({ upload }) => isRedundant(upload, deps)))
    for (const [i, { object }] of piece.entries()) (redundant[i] ? judged.reclaimable : judged.lastCopies).push(object)
  }
  return judged
}

/** Whether the request that wrote the object must have ended. */
const isWithoutRequest = ({ lastModified }: ListedObject, { receivingForSeconds, callSeconds, clockAheadMs }: Ages): boolean =>
  isOlder(lastModified, receivingForSeconds + callSeconds, clockAheadMs)

/** Whether the bytes of a completed upload are no longer needed. */
async function isRedundant(upload: UploadRecord, { assets, store }: Pick<SweepDeps, 'assets' | 'store'>): Promise<boolean> {
  const copy = await finalCopyOf(upload, { store }).catch((error: unknown) => {
    if (!(error instanceof StoreFailure)) throw error
    return null // the store refuses to read it, so nothing is proven
  })
  return copy !== null || (await assets.ofUpload(upload.id)) === null
}
