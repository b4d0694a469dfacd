import type { AssetRecord, UploadRecord } from '@airlock/database'
import { isFinal, isUuid } from '@airlock/domain'
import type { ListedObject } from '@airlock/storage'
import { keyPage } from './key-page.ts'
import { idsAtOnce, isOlder, pieces } from './over.ts'
import { rule } from './rule.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

type StrayDeps = Pick<SweepDeps, 'uploads' | 'assets' | 'store'>

/** Calls to the store that are under way at once. */
const atOnce = 8
/** Keys that one line of the log names. */
const shown = 5

/**
 * Objects at final keys that no asset names: a copy of a worker that was overtaken or paused, or of an asset that was deleted meanwhile.
 * Removed is only what says of itself that it came from an upload, and whose row says that this key was the upload's and that it is over.
 * All else is told: a product's own files, and what an older database that was restored knows nothing of.
 */
export const strays = rule<ListedObject>({
  async finds(after, deps, options) {
    const page = await keyPage(after, deps)
    const named = new Set(page.assets.map(({ s3Key }) => s3Key))
    const listed = new Set(page.objects.map(({ key }) => key))
    const { over, unproven } = await judgeStrays(
      page.objects.filter(({ key }) => !named.has(key)),
      deps,
      options,
    )
    const vanished = await vanishedOf(
      page.assets.filter(({ s3Key }) => !listed.has(s3Key)),
      deps,
    )
    tell({ unproven, vanished }, deps)
    return { items: over, next: page.next }
  },
  async moves({ key }, { store }) {
    await store.purge(key)
    return 'moved'
  },
  says: 'object of an ended upload removed from its final key',
  about: ({ key, sizeBytes }) => ({ key, sizeBytes }),
  removes: true,
  rests: true,
})

function tell(
  { unproven, vanished }: { unproven: readonly ListedObject[]; vanished: readonly AssetRecord[] },
  { log, onFound }: SweepDeps,
): void {
  const fields = { rule: 'strays', step: 'sweep' }
  onFound?.('unproven_object', unproven.length)
  onFound?.('vanished_object', vanished.length)
  if (unproven.length > 0) {
    const keys = unproven.slice(0, shown).map(({ key }) => key)
    log.warn({ ...fields, count: unproven.length, keys }, 'objects that no row proves to be over, left alone')
  }
  for (const { id, s3Key, uploadId } of vanished) log.error({ ...fields, assetId: id, uploadId, key: s3Key }, 'asset has no object')
}

/** What is known of objects that no asset names. What a living upload may still need is in neither list. */
export interface Judged {
  readonly over: ListedObject[]
  readonly unproven: ListedObject[]
}

/**
 * The objects are asked whose they are, then the uploads how they stand, and the assets last: an upload that had completed by then and has
 * no asset was deleted.
 *
 * @param objects at most 100
 */
export async function judgeStrays(
  objects: readonly ListedObject[],
  { uploads, assets, store }: StrayDeps,
  { callSeconds, clockAheadMs }: Pick<SweepOptions, 'callSeconds' | 'clockAheadMs'>,
): Promise<Judged> {
  const old = objects.filter(({ lastModified }) => isOlder(lastModified, callSeconds, clockAheadMs))
  const origin = new Map<string, string>()
  for (const piece of pieces(old, atOnce)) {
    const heads = await Promise.all(piece.map(async ({ key }) => ({ key, uploadId: (await store.head(key))?.metadata.upload_id })))
    for (const { key, uploadId } of heads) if (uploadId !== undefined && isUuid(uploadId)) origin.set(key, uploadId)
  }
  const rows = await uploads.byIds([...new Set(origin.values())].slice(0, idsAtOnce))
  const byId = new Map(rows.map((upload) => [upload.id, upload]))
  const named = new Set((await assets.byKeys(old.map(({ key }) => key))).map(({ s3Key }) => s3Key))
  const judged: Judged = { over: [], unproven: [] }
  for (const object of old) {
    if (named.has(object.key)) continue
    const upload = byId.get(origin.get(object.key) ?? '')
    if (!isOf(upload, object)) judged.unproven.push(object)
    else if (isFinal(upload.state)) judged.over.push(object)
  }
  return judged
}

const isOf = (upload: UploadRecord | undefined, { key }: ListedObject): upload is UploadRecord => upload?.finalKey === key

/** Assets of ours whose object is not there, though their row is: both are looked at once more, for the one that was just being deleted. */
export async function vanishedOf(
  suspects: readonly AssetRecord[],
  { assets, store }: Pick<StrayDeps, 'assets' | 'store'>,
): Promise<AssetRecord[]> {
  const vanished: AssetRecord[] = []
  for (const asset of suspects) {
    if (asset.uploadId === null || (await store.head(asset.s3Key)) !== null) continue
    if ((await assets.byId(asset.id)) !== null) vanished.push(asset)
  }
  return vanished
}
