import type { UploadRecord } from '@airlock/database'
import { idsOfInboxKey, inboxPrefix, quarantinePrefix, uploadIdOfWaitingKey } from '@airlock/domain'
import { type ListedObject, StoreFailure } from '@airlock/storage'
import { finalCopyOf } from '../final-copy.ts'
import { atOnce, shownOf } from './look.ts'
import { type Ages, idsAtOnce, isOlder, isReclaimable, pieces } from './reclaimable.ts'
import { rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

/** Where bytes wait, in the order in which it is looked through. */
const prefixes = [inboxPrefix, quarantinePrefix]

/**
 * Objects in quarantine or in the pipeline's inbox whose upload has ended: the store was unavailable when they were to be removed, or they were
 * written late. What no row explains stays, since a restored database may have forgotten its acceptance; and so does what may be the last
 * copy of an asset. Both are reported. A key that Airlock would not make is left alone.
 */
export const leftovers = rule<ListedObject>({
  async finds(after, deps, options) {
    const prefix = prefixes.find((candidate) => after?.startsWith(candidate)) ?? inboxPrefix
    const objects = await deps.store.list(prefix, { limit: idsAtOnce, after: after ?? prefix })
    const next = objects.length < idsAtOnce ? (prefixes[prefixes.indexOf(prefix) + 1] ?? null) : (objects.at(-1)?.key ?? null)
    const judged = await judgeLeftovers(objects, deps, options)
    report(judged, deps)
    return { items: judged.over, next }
  },
  async moves({ key }, { store }) {
    await store.purge(key)
    return 'moved'
  },
  says: 'object of an ended upload removed from quarantine',
  about: ({ key, sizeBytes }) => ({ uploadId: uploadIdOfWaitingKey(key), key, sizeBytes }),
  removes: true,
  rests: true,
})

function report({ lastCopies, unproven }: JudgedLeftovers, { log, onFound }: SweepDeps): void {
  const fields = { rule: 'leftovers', step: 'sweep' }
  onFound?.('last_copy', lastCopies.length)
  onFound?.('unproven_object', unproven.length)
  if (lastCopies.length > 0) log.error({ ...fields, ...shownOf(lastCopies) }, 'assets have no object, their bytes in quarantine are kept')
  if (unproven.length > 0) log.warn({ ...fields, ...shownOf(unproven) }, 'objects in quarantine that no row explains, left alone')
}

/** What is known of objects in quarantine or inbox. What a living upload needs, and what is young, is in none of the lists. */
export interface JudgedLeftovers {
  readonly over: ListedObject[]
  /** Bytes of assets whose own object is not there. */
  readonly lastCopies: ListedObject[]
  /** In quarantine, without a row. In the inbox such an object is a video that nobody has announced. */
  readonly unproven: ListedObject[]
}

/**
 * The objects are listed first and the rows read then. Of a completed upload the asset's object is looked at, and then whether there is still an
 * asset: what was deleted meanwhile needs no copy.
 *
 * @param objects below the prefix of quarantine or inbox, at most 100
 */
export async function judgeLeftovers(
  objects: readonly ListedObject[],
  deps: Pick<SweepDeps, 'uploads' | 'assets' | 'store'>,
  options: Ages,
): Promise<JudgedLeftovers> {
  const judged: JudgedLeftovers = { over: [], lastCopies: [], unproven: [] }
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
      else judged.over.push(object)
    }
  }
  for (const piece of pieces(completed, atOnce)) {
    const spare = await Promise.all(piece.map(({ upload }) => isSpare(upload, deps)))
    for (const [i, { object }] of piece.entries()) (spare[i] ? judged.over : judged.lastCopies).push(object)
  }
  return judged
}

/** No request can be under way any more that wrote it. */
const isWithoutRequest = ({ lastModified }: ListedObject, { receivingForSeconds, callSeconds, clockAheadMs }: Ages): boolean =>
  isOlder(lastModified, receivingForSeconds + callSeconds, clockAheadMs)

async function isSpare(upload: UploadRecord, { assets, store }: Pick<SweepDeps, 'assets' | 'store'>): Promise<boolean> {
  const copy = await finalCopyOf(upload, { store }).catch((error: unknown) => {
    if (!(error instanceof StoreFailure)) throw error
    return null // the store will not show it, so that nothing is proven
  })
  return copy !== null || (await assets.ofUpload(upload.id)) === null
}
