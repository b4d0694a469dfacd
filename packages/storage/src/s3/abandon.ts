import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { abortUpload } from './multipart-upload.ts'
import type { StoreDeps } from './store-deps.ts'

/** Pages of open uploads to look through at most; a key of ours rarely has more than one upload. */
const maxPages = 10

/** See `ObjectStore.abandonReceives`. */
export async function abandonReceives(deps: StoreDeps, key: string): Promise<number> {
  const { bucket } = deps.options
  let abandoned = 0
  let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (let page = 0; page < maxPages; page++) {
    const answer = await deps.call(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key, ...marker }), { key })
    for (const { Key, UploadId } of answer.Uploads ?? []) {
      // The prefix also brings uploads of longer keys.
      if (Key !== key || UploadId === undefined) continue
      await abortUpload(deps, key, UploadId)
      abandoned++
    }
    if (answer.IsTruncated !== true || answer.NextKeyMarker === undefined || answer.NextKeyMarker > key) break
    marker = { KeyMarker: answer.NextKeyMarker, ...(answer.NextUploadIdMarker && { UploadIdMarker: answer.NextUploadIdMarker }) }
  }
  return abandoned
}
