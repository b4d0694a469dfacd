import { randomUUID } from 'node:crypto'
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { givenProvider, type Provider } from '../server.ts'

export interface S3Address {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type S3Kind = 'given' | 'seaweedfs-container' | 'seaweedfs'

/** @param prefix of the variables @param keys prefix of the variables with the credentials */
export const givenStore = (prefix: string, keys: string): Provider<S3Address> =>
  givenProvider('s3', `${prefix}S3_ENDPOINT`, {
    port: 443,
    addressOf: (endpoint, env) => {
      const [id, secret] = [`${keys}_ACCESS_KEY_ID`, `${keys}_SECRET_ACCESS_KEY`]
      const { [id]: accessKeyId, [secret]: secretAccessKey } = env
      if (!accessKeyId || !secretAccessKey) throw new Error(`${prefix}S3_ENDPOINT is set, so ${id} and ${secret} must be set too`)
      return { endpoint, region: env[`${prefix}S3_REGION`] || 'us-east-1', accessKeyId, secretAccessKey }
    },
    answers: listBuckets,
  })

/** A client with short timeouts and without retries. The caller destroys it. */
export const s3Client = ({ endpoint, region, accessKeyId, secretAccessKey }: S3Address): S3Client =>
  new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  })

/** Runs work with such a client, and destroys it. */
async function withS3Client<T>(address: S3Address, work: (client: S3Client) => Promise<T>): Promise<T> {
  const client = s3Client(address)
  try {
    return await work(client)
  } finally {
    client.destroy()
  }
}

/**
 * Checks that a store is ready: its health pages return 200 before it can store a byte, so a signed call must succeed, and then a small object must be
 * stored in a temporary bucket.
 */
export const s3Answers = (address: S3Address): Promise<void> =>
  withS3Client(address, async (client) => {
    const place = { Bucket: `airlock-ready-${randomUUID()}`, Key: 'ready' }
    await client.send(new ListBucketsCommand({}))
    await client.send(new CreateBucketCommand({ Bucket: place.Bucket }))
    try {
      await client.send(new PutObjectCommand({ ...place, Body: 'ready' }))
      await client.send(new DeleteObjectCommand(place))
    } finally {
      await client.send(new DeleteBucketCommand({ Bucket: place.Bucket }))
    }
  })

/** Creates a bucket unless it exists. */
export const ensureBucket = (address: S3Address, bucket: string): Promise<unknown> =>
  withS3Client(address, (client) =>
    client.send(new HeadBucketCommand({ Bucket: bucket })).catch(async (error: { $metadata?: { httpStatusCode?: number } }) => {
      if (error.$metadata?.httpStatusCode !== 404) throw error
      await client.send(new CreateBucketCommand({ Bucket: bucket }))
    }),
  )

/** The keys in a bucket with the prefix, in the store's order. */
export async function keysIn(client: S3Client, Bucket: string, Prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix }))
    keys.push(...Contents.map(({ Key = '' }) => Key))
  return keys
}

/** Open multipart uploads. One page is enough for all tests, and SeaweedFS does not continue correctly with a second one. */
export async function openUploadsIn(client: S3Client, Bucket: string): Promise<{ Key: string; UploadId: string }[]> {
  const { Uploads = [], IsTruncated } = await client.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1_000 }))
  if (IsTruncated) throw new Error(`${Bucket} has more than 1000 open multipart uploads`)
  return Uploads.map(({ Key = '', UploadId = '' }) => ({ Key, UploadId }))
}

/** A given store may forbid these credentials to list buckets; then any response that is not our mistake is sufficient. */
const listBuckets = (address: S3Address): Promise<unknown> =>
  withS3Client(address, (client) =>
    client.send(new ListBucketsCommand({})).catch((error: { name?: string }) => {
      if (error.name !== 'AccessDenied') throw error
    }),
  )
