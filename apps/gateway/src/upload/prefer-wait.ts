import type { IncomingHttpHeaders } from 'node:http'
import type { AssetRepository, UploadRecord } from '@airlock/database'
import { readProvenance } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { hasEnded, type MoveFeed } from '../following/move-feed.ts'
import { presignedAsset } from '../responses/asset.ts'
import { asEntry, type UploadAnswer, type UploadEntry } from '../responses/upload.ts'

/** Common proxies close an idle connection after 60 s; longer requested waits are reduced to this. */
export const longestWaitSeconds = 25

/**
 * How long the client wants to wait for the finished assets, from `Prefer: wait=N` (RFC 7240, section 4.3), in seconds.
 *
 * @returns null if there is no such preference or its value is not a number: an invalid preference is ignored (section 2)
 */
export function preferredWait({ prefer }: IncomingHttpHeaders): number | null {
  for (const preference of [prefer ?? ''].flat().join(',').split(',')) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference)?.[1]
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitSeconds)
  }
  return null
}

export interface FinishedDeps {
  feed: MoveFeed
  assets: AssetRepository
  store: ObjectStore
  bucket: string
  presignHours: { default: number; max: number }
}

/**
 * Waits for the uploads of a response, holding neither a database connection nor a permit.
 *
 * @param signal ends the wait: the time has passed, or the client disconnected
 * @returns the response with the state at that time, and whether all uploads have ended
 */
export async function waitForAll(
  { uploads, rejected }: UploadAnswer,
  signal: AbortSignal,
  deps: FinishedDeps,
): Promise<{ answer: UploadAnswer; allEnded: boolean }> {
  const ids = uploads.map(({ upload_id }) => upload_id)
  const records = await deps.feed.untilEnded(ids, signal)
  const byId = new Map(records.map((record) => [record.id, record]))
  const entries = await Promise.all(
    uploads.map((entry) => {
      const record = byId.get(entry.upload_id)
      return record === undefined ? entry : finishedEntry(record, entry.index, deps)
    }),
  )
  return { answer: { uploads: entries, rejected }, allEnded: records.length === ids.length && records.every(hasEnded) }
}

async function finishedEntry(record: UploadRecord, index: number, deps: FinishedDeps): Promise<UploadEntry> {
  const { assets, store, bucket, presignHours } = deps
  const entry = { index, ...asEntry(record) }
  const none = { asset_id: null, s3_url: null, presigned_url: null, expiration_at: null, error: record.refusal, provenance: null }
  const asset = record.state === 'completed' ? await assets.ofUpload(record.id) : null
  if (asset === null) return { ...entry, ...none }
  const { asset_id, s3_url, presigned_url, expiration_at } = await presignedAsset(
    asset,
    { hours: presignHours.default },
    { assets, store, bucket },
  )
  const provenance = readProvenance(asset.metadata?.facts?.provenance)
  return { ...entry, asset_id, s3_url, presigned_url, expiration_at, error: null, provenance }
}
