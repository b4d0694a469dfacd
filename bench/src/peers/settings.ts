import { S3Client } from '@aws-sdk/client-s3'

/** Reads a setting that the benchmark passes to the program of a peer. @throws Error if it is missing */
function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is missing: peers are started by the benchmark`)
  return value
}

/** The configuration of an S3 client: only the address and the credentials differ from the SDK's defaults. */
export const s3Settings = () => ({
  endpoint: setting('S3_ENDPOINT'),
  region: setting('S3_REGION'),
  forcePathStyle: true,
  credentials: { accessKeyId: setting('AWS_ACCESS_KEY_ID'), secretAccessKey: setting('AWS_SECRET_ACCESS_KEY') },
})

export const s3Client = (): S3Client => new S3Client(s3Settings())

export const bucket = (): string => setting('S3_BUCKET_NAME')

export const port = (): number => Number(setting('PORT'))
