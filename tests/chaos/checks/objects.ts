import { type AssetRow, type FoundObject, isWaitingKey } from '../facts.ts'
import type { SentFile } from '../history.ts'
import type { Breach, Evidence } from './evidence.ts'

const cacheControls: Record<SentFile['assetType'], string> = {
  brand_image: 'public, max-age=31536000, immutable',
  generated_video: 'no-cache, must-revalidate',
}

const isFinalKey = (key: string): boolean => !isWaitingKey(key)

/** I3: every asset has its object, with the bytes that were sent, and with the right encryption and headers. */
export function assetsHaveObjects({ assets, objects, sent, uploads }: Evidence): Breach[] {
  return assets.flatMap((asset) => {
    const file = sent.get(uploads.get(asset.upload_id)?.original_filename ?? '')
    const wrong = wrongObject(asset, objects.get(asset.s3_key), file)
    return wrong.map((what) => ({ invariant: 'I3' as const, uploadId: asset.upload_id, what: `${asset.s3_key}: ${what}` }))
  })
}

function wrongObject(asset: AssetRow, object: FoundObject | undefined, file: SentFile | undefined): string[] {
  if (object === undefined) return ['no object']
  if (file === undefined) return ['an asset of a file that nobody sent']
  const rules: [string, unknown, unknown][] = [
    ['bytes', object.sha256, file.sha256],
    ['size', object.sizeBytes, file.sizeBytes],
    ['size in the row', Number(asset.file_size), file.sizeBytes],
    ['hash in the row', asset.content_hash, file.sha256],
    ['owner', asset.user_id, file.userId],
    ['type', object.contentType, file.mediaType],
    ['type in the row', asset.mime_type, file.mediaType],
    ['cache', object.cacheControl, cacheControls[file.assetType]],
    ['encryption', object.encryption, 'AES256'],
    ['upload id', object.metadata.upload_id, asset.upload_id],
    ['hash in the metadata', object.metadata.content_hash, file.sha256],
    ['owner in the metadata', object.metadata.uploaded_by, file.userId],
    ['kind in the metadata', object.metadata.asset_type, file.assetType],
  ]
  return rules.flatMap(([what, found, wanted]) => (found === wanted ? [] : [`${what} is ${String(found)}, not ${String(wanted)}`]))
}

/** I4: no object under a final prefix without its row, and objects in other buckets are unchanged. */
export function objectsHaveRows(evidence: Evidence): Breach[] {
  return [...withoutRow(evidence), ...touched(evidence)]
}

function touched({ history, rendered }: Evidence): Breach[] {
  return history
    .all('rendered')
    .filter(({ key, sha256 }) => rendered.get(key) !== sha256)
    .map(({ key }) => ({
      invariant: 'I4',
      uploadId: null,
      what: `${key} of another bucket ${rendered.has(key) ? 'has other bytes' : 'is gone'}`,
    }))
}

function withoutRow({ assets, objects }: Evidence): Breach[] {
  const named = new Set(assets.map(({ s3_key }) => s3_key))
  return [...objects.values()]
    .filter(({ key }) => isFinalKey(key) && !named.has(key))
    .map(({ key, metadata }) => ({ invariant: 'I4', uploadId: metadata.upload_id ?? null, what: `${key}: an object without a row` }))
}

/** I7: no bad file is under a final prefix, whatever the rows are. */
export function nothingBadIsFinal({ objects, badHashes }: Evidence): Breach[] {
  return [...objects.values()]
    .filter(({ key, sha256 }) => isFinalKey(key) && badHashes.has(sha256))
    .map(({ key, metadata }) => ({ invariant: 'I7', uploadId: metadata.upload_id ?? null, what: `${key}: bytes that were rejected` }))
}
