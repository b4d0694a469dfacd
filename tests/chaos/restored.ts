import type { Answer } from '@airlock/testkit/http'
import type { Breach, Evidence } from './evidence.ts'
import type { AssetRow, FoundObject, UploadRow } from './facts.ts'

const breach = (what: string, uploadId: string | null = null): Breach => ({ invariant: 'I13', uploadId, what })

type Before = Pick<Evidence, 'assets' | 'uploads'>
type Alerted = ReadonlySet<'vanished' | 'lastCopy' | 'unproven'>

/** Observations with an older bucket under the newer database. */
export interface OlderBucket {
  readonly before: Before
  readonly assets: readonly AssetRow[]
  /** Assets whose object the older bucket does not have. */
  readonly missing: readonly AssetRow[]
  /** Assets whose waiting bytes the older bucket still has, by key in quarantine or inbox. */
  readonly lastCopies: ReadonlyMap<string, AssetRow>
  /** The remaining ones. */
  readonly left: ReadonlyMap<string, FoundObject>
  /** Objects of the older bucket that the newer one no longer had. */
  readonly back: readonly string[]
  /** All objects at the end. */
  readonly keys: ReadonlySet<string>
  readonly alerted: Alerted
}

/** I13: an older bucket loses no row and no last copy; missing objects are reported; finished objects are removed again. */
export function olderBucketCostsNothing({ before, assets, missing, lastCopies, left, back, keys, alerted }: OlderBucket): Breach[] {
  const ids = new Set(assets.map(({ id }) => id))
  return [
    ...before.assets.filter(({ id }) => !ids.has(id)).map((asset) => breach('an older bucket cost the row of an asset', asset.upload_id)),
    ...[...lastCopies]
      .filter(([key, { content_hash }]) => left.get(key)?.sha256 !== content_hash)
      .map(([key, { upload_id }]) => breach(`an older bucket: ${key} was the last copy of an asset, and is gone`, upload_id)),
    ...back
      .filter((key) => keys.has(key) && !lastCopies.has(key))
      .map((key) => breach(`an older bucket: ${key} came back, is over, and stays`)),
    ...(missing.length > 0 && !alerted.has('vanished') ? [breach('assets without objects, and no alert')] : []),
    ...(lastCopies.size > 0 && !alerted.has('lastCopy') ? [breach('last copies of assets, and no alert')] : []),
  ]
}

export interface CancelAnswer {
  readonly uploadId: string
  readonly answer: Answer
}

/** Observations with an older database over the newer bucket. */
export interface OlderDatabase {
  readonly before: Before
  /** Rows of the backup that wait. */
  readonly waited: readonly UploadRow[]
  readonly uploads: ReadonlyMap<string, UploadRow>
  readonly assets: readonly AssetRow[]
  readonly keys: ReadonlySet<string>
  /** Keys of the assets that were created again, and of those without a row. */
  readonly objects: ReadonlyMap<string, FoundObject>
  /** Keys in quarantine of waiting uploads that were accepted after the backup. */
  readonly forgotten: readonly string[]
  /** Cancellations of waiting uploads that had become assets. */
  readonly cancels: readonly CancelAnswer[]
  /** The response for a cursor ahead of the feed. */
  readonly feed: Answer
  readonly alerted: Alerted
}

/**
 * I13: with an older database no asset loses its object, former assets become assets again or can't be cancelled, later accepted files keep their bytes,
 * and old cursors are refused.
 */
export function olderDatabaseCostsNothing(found: OlderDatabase): Breach[] {
  const { before, keys, forgotten, cancels, feed, assets, alerted, waited } = found
  return [
    ...before.assets.filter(({ s3_key }) => !keys.has(s3_key)).map((one) => breach(`an older database cost ${one.s3_key}`, one.upload_id)),
    ...waited.flatMap((row) => wrongEnd(row, found)),
    ...forgotten.filter((key) => !keys.has(key)).map((key) => breach(`an older database cost ${key}, which was accepted after the backup`)),
    ...(forgotten.length > 0 && !alerted.has('unproven') ? [breach('objects that no row explains, and no alert')] : []),
    ...(assets.some(({ s3_key }) => !keys.has(s3_key)) && !alerted.has('vanished') ? [breach('assets without objects, and no alert')] : []),
    ...cancels
      .filter(({ answer }) => !isRefused(answer))
      .map(({ uploadId, answer }) => breach(`its cancellation after the restore was answered with ${JSON.stringify(answer)}`, uploadId)),
    ...('status' in feed && feed.status === 410 ? [] : [breach(`a cursor ahead of the feed was answered with ${JSON.stringify(feed)}`)]),
  ]
}

const isRefused = (answer: Answer): boolean =>
  'status' in answer && answer.status === 409 && (answer.body as { code?: string } | null)?.code === 'already_completed'

function wrongEnd({ id, source_bucket: source }: UploadRow, { before, uploads, assets }: OlderDatabase): Breach[] {
  const [was, is] = [before.uploads.get(id), uploads.get(id)]
  const hadAsset = before.assets.some(({ upload_id }) => upload_id === id)
  const hasAsset = assets.some(({ upload_id }) => upload_id === id)
  const stands = `${is?.state} (${is?.error_code})`
  if (hadAsset) return is?.state === 'completed' && hasAsset ? [] : [breach(`had become an asset, and is ${stands} after the restore`, id)]
  // its bytes are still in the pipeline's bucket, so it starts again, whatever its end was
  if (source !== null) return []
  const isGone = is?.state === 'parked' && is.error_code === 'upload_vanished'
  const ended = was?.state === 'completed' || was?.state === 'rejected'
  return isGone || !ended || is?.error_code === 'unknown_user'
    ? []
    : [breach(`had ended without an asset, and is ${stands} after the restore`, id)]
}
