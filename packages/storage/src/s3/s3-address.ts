import type { ObjectAddress } from '../object-store.ts'

/** An object's address as parameters of S3. */
export interface S3Address {
  readonly Bucket: string
  readonly Key: string
}

/** @param bucket our bucket, for addresses without one */
export const s3AddressOf = (bucket: string, object: ObjectAddress): S3Address =>
  typeof object === 'string' ? { Bucket: bucket, Key: object } : { Bucket: object.bucket, Key: object.key }

/** The source of a copy, URL-encoded except for its slashes, as S3 requires. */
export function copySource(bucket: string, from: ObjectAddress): string {
  const { Bucket, Key } = s3AddressOf(bucket, from)
  return `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`
}
