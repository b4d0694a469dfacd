import { ListMultipartUploadsCommand, type MultipartUpload } from '@aws-sdk/client-s3'
import type { OpenReceive } from '../object-store.ts'
import { abortUpload } from './multipart-upload.ts'
import type { StoreDeps } from './store-deps.ts'

/** The maximum of pages of open multipart uploads to read, of a thousand each; our keys rarely have more than one upload. */
const maxPages = 10

/** See `ObjectStore.abandonReceives`. */
export async function abandonReceives(deps: StoreDeps, key: string): Promise<number> {
  let abandoned = 0
  await eachPage(deps, { prefix: key, until: key }, async (uploads) => {
    for (const { Key, UploadId } of uploads) {
      // The prefix also matches longer keys.
      if (Key !== key || UploadId === undefined) continue
      await abortUpload(deps, key, UploadId)
      abandoned++
    }
  })
  return abandoned
}

/** See `ObjectStore.openReceives`. */
export async function openReceives(deps: StoreDeps, prefix: string): Promise<OpenReceive[]> {
  const open: OpenReceive[] = []
  await eachPage(deps, { prefix }, async (uploads) => {
    for (const { Key = '', Initiated = new Date(0) } of uploads) open.push({ key: Key, begunAt: Initiated })
  })
  return open
}

/** @param range.until stops after this key */
async function eachPage(
  { call, options: { bucket } }: StoreDeps,
  { prefix, until }: { prefix: string; until?: string },
  work: (uploads: MultipartUpload[]) => Promise<void>,
): Promise<void> {
  let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (let page = 0; page < maxPages; page++) {
    const answer = await call(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker }), { key: prefix })
    await work(answer.Uploads ?? [])
    if (answer.IsTruncated !== true || answer.NextKeyMarker === undefined) break
    if (until !== undefined && answer.NextKeyMarker > until) break
    marker = { KeyMarker: answer.NextKeyMarker, ...(answer.NextUploadIdMarker && { UploadIdMarker: answer.NextUploadIdMarker }) }
  }
}
