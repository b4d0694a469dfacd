import type { AssetRecord, UploadRecord } from '@airlock/database'
import { isFinal, isUuid } from '@airlock/domain'
import type { ListedObject } from '@airlock/storage'
import { keyPage } from './key-page.ts'
import { rule } from './rule.ts'
import { idsAtOnce, isOlder, isShown, lookAt, shownOf } from './stored-objects.ts'
import type { SweepDeps, SweepOptions } from './sweep-options.ts'

type StrayDeps = Pick<SweepDeps, 'uploads' | 'assets' | 'store'>

/**
 * Objects at final keys without an asset: the copy of a worker that lost its lease or was paused, or of an asset that was deleted.
 * An object is removed only if its metadata names an upload, and that upload's row has this final key and a final state.
 * All others are reported: files of the product itself, and objects that a restored older database does not know.
 */
export const strays = rule<ListedObject>({
  async finds(after, deps, options) {
    const page = await keyPage(after, deps)
    const named = new Set(page.assets.map(({ s3Key }) => s3Key))
    const listed = new Set(page.objects.map(({ key }) => key))
    const judged = await judgeStrays(
      page.objects.filter(({ key }) => !named.has(key)),
      deps,
      options,
    )
    const suspects = await judgeVanished(
      page.assets.filter(({ s3Key }) => !listed.has(s3Key)),
      deps,
    )
    report({ ...judged, vanished: suspects.vanished, unreadable: [...judged.unreadable, ...suspects.unreadable] }, deps)
    return { items: judged.reclaimable, next: page.next }
  },
  async moves({ key }, { store }) {
    await store.purge(key)
    return 'moved'
  },
  message: 'object of an ended upload removed from its final key',
  about: ({ key, sizeBytes }) => ({ key, sizeBytes }),
  removes: true,
  rests: true,
})

function report(
  { unproven, unreadable, vanished }: Pick<Judged, 'unproven' | 'unreadable'> & { vanished: readonly AssetRecord[] },
  { log, onFound }: SweepDeps,
): void {
  const fields = { rule: 'strays', step: 'sweep' }
  onFound?.('unproven_object', unproven.length)
  onFound?.('vanished_object', vanished.length)
  if (unproven.length > 0)
    log.warn({ ...fields, ...shownOf(unproven) }, "objects at final keys can't be attributed to an ended upload, left unchanged")
  if (unreadable.length > 0) {
    log.error(
      { ...fields, ...shownOf(unreadable), reason: unreadable[0]?.reason },
      'objects that the store refuses to read, left unchanged',
    )
  }
  for (const { id, s3Key, uploadId } of vanished) log.error({ ...fields, assetId: id, uploadId, key: s3Key }, 'asset has no object')
}

/** Objects without an asset, judged by their uploads. Objects that a live upload may still need are in none of the lists. */
export interface Judged {
  readonly reclaimable: ListedObject[]
  readonly unproven: ListedObject[]
  /** The store refuses to read them. */
  readonly unreadable: Unreadable[]
}

export interface Unreadable {
  readonly key: string
  readonly reason: string
}

/**
 * Reads the objects' metadata first, then the uploads' states, and the assets last: if an upload had completed by then and has no asset, the
 * asset was deleted.
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
  const looks = await lookAt(old, store)
  for (const { key, object } of looks) {
    const uploadId = object?.metadata.upload_id
    if (uploadId !== undefined && isUuid(uploadId)) origin.set(key, uploadId)
  }
  const rows = await uploads.byIds([...new Set(origin.values())].slice(0, idsAtOnce))
  const byId = new Map(rows.map((upload) => [upload.id, upload]))
  const named = new Set((await assets.byKeys(old.map(({ key }) => key))).map(({ s3Key }) => s3Key))
  const unreadable = looks.flatMap(({ key, refused }) => (refused === null ? [] : [{ key, reason: refused }]))
  const judged: Judged = { reclaimable: [], unproven: [], unreadable }
  for (const object of looks.filter(isShown)) {
    if (named.has(object.key)) continue
    const upload = byId.get(origin.get(object.key) ?? '')
    if (!isOf(upload, object)) judged.unproven.push(object)
    else if (isFinal(upload.state)) judged.reclaimable.push(object)
  }
  return judged
}

const isOf = (upload: UploadRecord | undefined, { key }: ListedObject): upload is UploadRecord => upload?.finalKey === key

/** Assets of Airlock whose object is missing. Object and row are read once more, in case the asset was deleted in between. */
export async function judgeVanished(
  suspects: readonly AssetRecord[],
  { assets, store }: Pick<StrayDeps, 'assets' | 'store'>,
): Promise<{ vanished: AssetRecord[]; unreadable: Unreadable[] }> {
  const ours = suspects.filter(({ uploadId }) => uploadId !== null).map((asset) => ({ key: asset.s3Key, asset }))
  const vanished: AssetRecord[] = []
  const unreadable: Unreadable[] = []
  for (const { key, asset, object, refused } of await lookAt(ours, store)) {
    if (refused !== null) unreadable.push({ key, reason: refused })
    else if (object === null && (await assets.byId(asset.id)) !== null) vanished.push(asset)
  }
  return { vanished, unreadable }
}
