import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { keysIn, openUploadsIn, type S3Address, s3Client } from '@airlock/dev-servers'
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { givenStack } from './test-stack.ts'

export type IsolatedBucket = Awaited<ReturnType<typeof isolatedBucket>>

/** Creates an empty bucket for the caller on the store of this run, or on a private server. */
export async function isolatedBucket(address: S3Address = givenStack().s3) {
  const bucket = `airlock-test-${randomUUID()}`
  // One client until the bucket is dropped: a client costs as much as two calls.
  const client = s3Client(address)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return {
    ...address,
    bucket,
    /** Writes an object like another program. @param metadata its `x-amz-meta-` headers */
    put: async (key: string, bytes: Uint8Array, metadata: Record<string, string> = {}): Promise<void> => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, Metadata: metadata }))
    },
    /** Writes an object encrypted with a discarded key (SSE-C): reading it without the key is 400, even for a HEAD. */
    putEncryptedByCustomer: async (key: string, bytes: Uint8Array): Promise<void> => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, ...customerKey() }))
    },
    /** @returns the keys in the bucket with the prefix, in the store's order */
    keys: (prefix?: string) => keysIn(client, bucket, prefix),
    /** @returns the keys of open multipart uploads */
    openMultipartUploads: async () => (await openUploadsIn(client, bucket)).map(({ Key }) => Key),
    /** Removes the bucket with its contents. */
    drop: () => drop(client, bucket).finally(() => client.destroy()),
  }
}

function customerKey() {
  const key = randomBytes(32)
  const md5 = createHash('md5').update(key).digest('base64')
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64'), SSECustomerKeyMD5: md5 }
}

async function drop(client: S3Client, Bucket: string): Promise<void> {
  for (const upload of await openUploadsIn(client, Bucket)) await client.send(new AbortMultipartUploadCommand({ Bucket, ...upload }))
  const keys = await keysIn(client, Bucket)
  for (let from = 0; from < keys.length; from += 1_000) {
    const Objects = keys.slice(from, from + 1_000).map((Key) => ({ Key }))
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }))
  }
  await client.send(new DeleteBucketCommand({ Bucket }))
}
