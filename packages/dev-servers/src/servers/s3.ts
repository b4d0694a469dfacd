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
import type { Provider, Server, StackContext } from '../server.ts'

export interface S3Address {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type S3Kind = 'given' | 'seaweedfs-container' | 'seaweedfs'

/** Names of the variables of a given store. */
type S3Variables = Readonly<Record<keyof S3Address, string>>

export const givenStore = (givenBy: S3Variables): Provider<S3Address> => ({ kinds: ['given'], open: (context) => given(givenBy, context) })

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

async function given(variables: S3Variables, { env, file }: StackContext): Promise<Server<S3Address> | string> {
  const endpoint = env[variables.endpoint]
  if (!endpoint) return ''
  const accessKeyId = env[variables.accessKeyId]
  const secretAccessKey = env[variables.secretAccessKey]
  if (!accessKeyId || !secretAccessKey) {
    throw new Error(`${variables.endpoint} is set, so ${variables.accessKeyId} and ${variables.secretAccessKey} must be set too`)
  }
  const address = { endpoint, region: env[variables.region] || 'us-east-1', accessKeyId, secretAccessKey }
  await listBuckets(address).catch((cause: unknown) => {
    throw new Error(`${variables.endpoint} names ${endpoint}, where the store refuses the requests: ${(cause as Error).message}`, { cause })
  })
  file.server('s3', { kind: 'given', url: endpoint })
  return { name: 's3', kind: 'given', address, where: `given by ${variables.endpoint}, ${endpoint}`, controls: null }
}

/** A given store may forbid these credentials to list buckets; then any response that is not our mistake is sufficient. */
const listBuckets = (address: S3Address): Promise<unknown> =>
  withS3Client(address, (client) =>
    client.send(new ListBucketsCommand({})).catch((error: { name?: string }) => {
      if (error.name !== 'AccessDenied') throw error
    }),
  )
