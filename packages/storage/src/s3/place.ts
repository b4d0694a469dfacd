import type { ObjectAddress } from '../object-store.ts'

/** An object in the words of S3. */
export interface S3Place {
  readonly Bucket: string
  readonly Key: string
}

/** @param bucket ours, for keys without one */
export const placeOf = (bucket: string, object: ObjectAddress): S3Place =>
  typeof object === 'string' ? { Bucket: bucket, Key: object } : { Bucket: object.bucket, Key: object.key }

/** S3 wants the source of a copy URL-encoded, but with its slashes. */
export function copySource(bucket: string, from: ObjectAddress): string {
  const { Bucket, Key } = placeOf(bucket, from)
  return `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`
}
