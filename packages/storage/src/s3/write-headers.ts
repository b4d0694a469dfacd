import type { FinalHeaders } from '../object-store.ts'
import type { S3StoreOptions } from './settings.ts'

/** The headers of each put, create and copy: none of them inherits these from another. */
export interface WriteHeaders {
  ContentType: string
  CacheControl?: string
  Metadata: Record<string, string>
  ServerSideEncryption?: 'AES256' | 'aws:kms'
  SSEKMSKeyId?: string
}

/**
 * @throws RangeError for metadata that HTTP headers can't represent
 */
export function writeHeaders(
  options: S3StoreOptions,
  { contentType, cacheControl, metadata }: Omit<FinalHeaders, 'cacheControl'> & { cacheControl?: string },
): WriteHeaders {
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[\x20-\x7e]*$/.test(name + value)) throw new RangeError(`Metadata '${name}' has characters other than printable ASCII`)
  }
  return {
    ContentType: contentType,
    ...(cacheControl !== undefined && { CacheControl: cacheControl }),
    Metadata: { ...metadata },
    ...encryptionHeaders(options),
  }
}

export function encryptionHeaders({ encryption, kmsKeyId }: S3StoreOptions): Pick<WriteHeaders, 'ServerSideEncryption' | 'SSEKMSKeyId'> {
  if (encryption === 'none') return {}
  if (encryption === 'aws:kms' && kmsKeyId !== undefined) return { ServerSideEncryption: encryption, SSEKMSKeyId: kmsKeyId }
  return { ServerSideEncryption: encryption }
}
