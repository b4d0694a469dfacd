import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { type CopyPart, type CopyToMake, copyInParts } from './copy-in-parts.ts'
import { rangedSource } from './ranged-source.ts'
import type { StoreDeps } from './store-deps.ts'
import { completedPart } from './write-object.ts'

/**
 * Copies by reading and writing, for stores that can't copy. Every range is read pinned, so that bytes of two objects can't be mixed. In memory are
 * the parts under way.
 *
 * @throws what reading the source or a call threw first, once no call is under way any more
 */
export async function copyThroughUs(deps: StoreDeps, copy: CopyToMake): Promise<void> {
  const { partBytes, partsPerReceive } = deps.tuning
  if (copy.sizeBytes <= partBytes) return putWhole(deps, copy)
  await copyInParts(deps, copy, { partBytes, partsInFlight: partsPerReceive, checksummed: true, copyPart: readAndWritePart })
}

/** An object that may have landed stays: the final key is no place where a verb of the store deletes on suspicion. */
async function putWhole(deps: StoreDeps, { from, to, ifEtag, sizeBytes, written, signal }: CopyToMake): Promise<void> {
  const bytes = await rangedSource(deps, from, { etag: ifEtag, sizeBytes }, signal).read(0, sizeBytes)
  const command = new PutObjectCommand({ Bucket: deps.options.bucket, Key: to, Body: bytes, ContentLength: sizeBytes, ...written })
  await deps.call(command, { key: to, signal })
}

const readAndWritePart: CopyPart = async (deps, { from, to, ifEtag, sizeBytes }, { uploadId, number, start, end, signal }) => {
  const bytes = await rangedSource(deps, from, { etag: ifEtag, sizeBytes }, signal).read(start, end - start)
  const command = new UploadPartCommand({
    Bucket: deps.options.bucket,
    Key: to,
    UploadId: uploadId,
    PartNumber: number,
    Body: bytes,
    ContentLength: bytes.byteLength,
  })
  const { ETag, ChecksumCRC32 } = await deps.call(command, { key: to, signal })
  return completedPart(number, ETag, ChecksumCRC32)
}
