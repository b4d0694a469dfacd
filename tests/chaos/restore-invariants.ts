import type { Answer } from '@airlock/testkit/http'
import type { Evidence, Violation } from './evidence.ts'
import type { AssetRow, FoundObject, UploadRow } from './server-contents.ts'

const violation = (what: string, uploadId: string | null = null): Violation => ({ invariant: 'I13', uploadId, what })

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
  /** Those of them that are still there at the end. */
  readonly left: ReadonlyMap<string, FoundObject>
  /** Objects of the older bucket that the newer one no longer had. */
  readonly back: readonly string[]
  /** All objects at the end. */
  readonly keys: ReadonlySet<string>
  readonly alerted: Alerted
}

/** I13: an older bucket loses no row and no last copy; missing objects are reported; finished objects are removed again. */
export function olderBucketLosesNothing({ before, assets, missing, lastCopies, left, back, keys, alerted }: OlderBucket): Violation[] {
  const ids = new Set(assets.map(({ id }) => id))
  return [
    ...before.assets
      .filter(({ id }) => !ids.has(id))
      .map((asset) => violation('an older bucket: the row of an asset is gone', asset.upload_id)),
    ...[...lastCopies]
      .filter(([key, { content_hash }]) => left.get(key)?.sha256 !== content_hash)
      .map(([key, { upload_id }]) => violation(`an older bucket: ${key} was the last copy of an asset, and is gone`, upload_id)),
    ...back
      .filter((key) => keys.has(key) && !lastCopies.has(key))
      .map((key) => violation(`an older bucket: ${key} had been removed, but is restored and stays`)),
    ...(missing.length > 0 && !alerted.has('vanished') ? [violation('assets without objects, but no alert')] : []),
    ...(lastCopies.size > 0 && !alerted.has('lastCopy') ? [violation('last copies of assets, but no alert')] : []),
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
  /** Keys in quarantine of waiting uploads that were accepted after the backup. */
  readonly later: readonly string[]
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
export function olderDatabaseLosesNothing(found: OlderDatabase): Violation[] {
  const { before, keys, later, cancels, feed, assets, alerted, waited } = found
  return [
    ...before.assets
      .filter(({ s3_key }) => !keys.has(s3_key))
      .map((one) => violation(`an older database: ${one.s3_key} is gone`, one.upload_id)),
    ...waited.flatMap((row) => wrongOutcome(row, found)),
    ...later
      .filter((key) => !keys.has(key))
      .map((key) => violation(`an older database: ${key}, which was accepted after the backup, is gone`)),
    ...(later.length > 0 && !alerted.has('unproven') ? [violation('objects without a row, but no alert')] : []),
    ...(assets.some(({ s3_key }) => !keys.has(s3_key)) && !alerted.has('vanished')
      ? [violation('assets without objects, but no alert')]
      : []),
    ...cancels
      .filter(({ answer }) => !isRefused(answer))
      .map(({ uploadId, answer }) => violation(`its cancellation after the restore was answered with ${JSON.stringify(answer)}`, uploadId)),
    ...(feed.status === 410 ? [] : [violation(`a cursor ahead of the feed was answered with ${JSON.stringify(feed)}`)]),
  ]
}

const isRefused = (answer: Answer): boolean =>
  answer.status === 409 && (answer.body as { code?: string } | null)?.code === 'already_completed'

function wrongOutcome({ id, source_bucket: source }: UploadRow, { before, uploads, assets }: OlderDatabase): Violation[] {
  const [was, is] = [before.uploads.get(id), uploads.get(id)]
  const hadAsset = before.assets.some(({ upload_id }) => upload_id === id)
  const hasAsset = assets.some(({ upload_id }) => upload_id === id)
  const now = `${is?.state} (${is?.error_code})`
  if (hadAsset) return is?.state === 'completed' && hasAsset ? [] : [violation(`had become an asset, but is ${now} after the restore`, id)]
  // its bytes are still in the pipeline's bucket, so it starts again, whatever its end was
  if (source !== null) return []
  const isGone = is?.state === 'parked' && is.error_code === 'upload_vanished'
  const ended = was?.state === 'completed' || was?.state === 'rejected'
  return isGone || !ended || is?.error_code === 'unknown_user'
    ? []
    : [violation(`had ended without an asset, but is ${now} after the restore`, id)]
}
