import { randomUUID } from 'node:crypto'
import type { ObjectStore } from '@airlock/storage'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteBucketCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { briefly, clientFor, type S3Target, storeFor } from './s3-target.ts'

/** The minimum size of a part in S3, except for the last. */
export const partBytes = 5 * 1024 * 1024

/** The workspace of one probe: a temporary bucket, or a prefix of a given one. */
export interface ScratchBucket {
  readonly client: S3Client
  /** The same, but with checksums as trailers. */
  readonly checksummed: S3Client
  /** The same bucket, as Airlock uses it. */
  readonly store: ObjectStore
  readonly bucket: string
  /** Whether the bucket is temporary, so that its settings may be changed. */
  readonly ownsBucket: boolean
  key(name: string): string
  put(name: string, body: Buffer | string, more?: Partial<PutObjectCommandInput>): Promise<{ key: string; etag: string }>
  head(key: string): ReturnType<typeof headOf>
  begin(name: string, more?: Partial<CreateMultipartUploadCommandInput>): Promise<OpenUpload>
  /** An object slightly larger than one part, created once. */
  large(): Promise<{ key: string; etag: string; sizeBytes: number }>
}

/** An open multipart upload. */
interface OpenUpload {
  readonly key: string
  readonly id: string
  part(number: number, body: Buffer): Promise<CompletedPart>
  complete(parts: CompletedPart[], more?: Partial<CompleteMultipartUploadCommandInput>): Promise<string>
  abort(): Promise<void>
}

/**
 * Creates a scratch bucket, runs the work in it, and removes it with all its contents, also if the work fails.
 *
 * @param options.givenBucket an existing bucket to use under `airlock-probe/`; default: a temporary bucket
 * @param options.onLeft called if something could not be removed; the result of the work is returned anyway
 */
export async function onScratchBucket<T>(
  target: S3Target,
  { givenBucket, onLeft }: { givenBucket: string | undefined; onLeft: (text: string) => void },
  work: (scratch: ScratchBucket) => Promise<T>,
): Promise<T> {
  const client = clientFor(target, 'WHEN_REQUIRED')
  const checksummed = clientFor(target, 'WHEN_SUPPORTED')
  const id = randomUUID()
  const bucket = givenBucket ?? `airlock-probe-${id}`
  const prefix = `airlock-probe/${id}/`
  const store = storeFor(target, bucket)
  try {
    await client.send(givenBucket === undefined ? new CreateBucketCommand({ Bucket: bucket }) : new HeadBucketCommand({ Bucket: bucket }))
    try {
      return await work(scratchAt({ client, checksummed, store, bucket, ownsBucket: givenBucket === undefined }, prefix))
    } finally {
      await remove(client, bucket, prefix, { withBucket: givenBucket === undefined }).catch((error) =>
        onLeft(`Some objects under ${prefix} could not be removed from bucket ${bucket}: ${briefly(error)}`),
      )
    }
  } finally {
    client.destroy()
    checksummed.destroy()
    store.close()
  }
}

type Clients = Pick<ScratchBucket, 'client' | 'checksummed' | 'store' | 'bucket' | 'ownsBucket'>

function scratchAt(clients: Clients, prefix: string): ScratchBucket {
  const { client, bucket } = clients
  const put: ScratchBucket['put'] = async (name, body, more = {}) => {
    const key = prefix + name
    const { ETag = '' } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }))
    return { key, etag: ETag }
  }
  let large: ReturnType<ScratchBucket['large']> | undefined
  const sizeBytes = partBytes + 1024
  return {
    ...clients,
    put,
    key: (name) => prefix + name,
    head: (key) => headOf(client, bucket, key),
    begin: (name, more = {}) => begin(client, { Bucket: bucket, Key: prefix + name }, more),
    large: () => (large ??= put('large', Buffer.alloc(sizeBytes, 7)).then((object) => ({ ...object, sizeBytes }))),
  }
}

const headOf = (client: S3Client, Bucket: string, Key: string) => client.send(new HeadObjectCommand({ Bucket, Key }))

async function begin(
  client: S3Client,
  target: { Bucket: string; Key: string },
  more: Partial<CreateMultipartUploadCommandInput>,
): Promise<OpenUpload> {
  const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ ...target, ...more }))
  return {
    key: target.Key,
    id: UploadId,
    part: async (PartNumber, Body) => {
      const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }))
      return { PartNumber, ...(ETag !== undefined && { ETag }) }
    },
    complete: async (Parts, completing = {}) => {
      const command = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts }, ...completing })
      return (await client.send(command)).ETag ?? ''
    },
    abort: async () => {
      await client.send(new AbortMultipartUploadCommand({ ...target, UploadId }))
    },
  }
}

/** Removes everything under the prefix; nothing else was created. */
async function remove(client: S3Client, bucket: string, prefix: string, { withBucket }: { withBucket: boolean }): Promise<void> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
  for (const { Key, UploadId } of Uploads) {
    if (Key?.startsWith(prefix)) await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
  }
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
  for (const { Key } of Contents) {
    if (Key?.startsWith(prefix)) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
  }
  if (withBucket) await client.send(new DeleteBucketCommand({ Bucket: bucket }))
}
