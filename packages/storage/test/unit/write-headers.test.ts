import type { S3StoreOptions } from '@airlock/storage'
import { expect, test } from 'vitest'
import { writeHeaders } from '../../src/s3/write-headers.ts'

const headers = { contentType: 'image/png', cacheControl: 'no-cache', metadata: { upload_id: 'u1' } }
const written = { ContentType: 'image/png', CacheControl: 'no-cache', Metadata: { upload_id: 'u1' } }

const encryptions = [
  { encryption: 'none', sent: {} },
  { encryption: 'AES256', sent: { ServerSideEncryption: 'AES256' } },
  { encryption: 'aws:kms', sent: { ServerSideEncryption: 'aws:kms' } },
  { encryption: 'aws:kms', kmsKeyId: 'key-1', sent: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'key-1' } },
  { encryption: 'AES256', kmsKeyId: 'key-1', sent: { ServerSideEncryption: 'AES256' } },
] as const

test.for(encryptions)('encryption $encryption with key $kmsKeyId sends $sent', ({ sent, ...options }) => {
  expect(writeHeaders(options as unknown as S3StoreOptions, headers)).toEqual({ ...written, ...sent })
})

test('without a cache policy no cache header is sent', () => {
  const options = { encryption: 'none' } as S3StoreOptions

  expect(writeHeaders(options, { contentType: 'a/b', metadata: {} })).toEqual({ ContentType: 'a/b', Metadata: {} })
})

test.for(['Bär', 'a\nb', '\u{1f44d}', 'tab\t'])('metadata %j is refused: HTTP headers would harm it', (value) => {
  const options = { encryption: 'none' } as S3StoreOptions

  expect(() => writeHeaders(options, { ...headers, metadata: { name: value } })).toThrow(RangeError)
  expect(() => writeHeaders(options, { ...headers, metadata: { [value]: 'x' } })).toThrow(RangeError)
})
