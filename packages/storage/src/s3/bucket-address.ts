import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

/** The HTTP address of a bucket's objects. */
export interface BucketAddress {
  protocol: string
  hostname: string
  port?: number
  /** The path before the key of an object: `/` or `/bucket/`. */
  pathPrefix: string
  region: string
}

/**
 * A function that determines the address of a bucket once, from a URL that the SDK signs: it depends on region, endpoint, addressing style and the
 * bucket's name. A failure is not remembered.
 */
export function addressOnce(client: S3Client, bucket: string): () => Promise<BucketAddress> {
  let address: Promise<BucketAddress> | undefined
  return () => {
    address ??= bucketAddress(client, bucket).catch((error: unknown) => {
      address = undefined
      throw error
    })
    return address
  }
}

async function bucketAddress(client: S3Client, bucket: string): Promise<BucketAddress> {
  const { protocol, hostname, port, pathname, searchParams } = new URL(
    await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: 'k' }), { expiresIn: 60 }),
  )
  const [, , region = ''] = (searchParams.get('X-Amz-Credential') ?? '').split('/')
  return { protocol, hostname, ...(port !== '' && { port: Number(port) }), pathPrefix: pathname.slice(0, -1), region }
}

export const hostOf = ({ hostname, port }: BucketAddress): string => (port === undefined ? hostname : `${hostname}:${port}`)
