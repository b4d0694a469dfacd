import { AbortMultipartUploadCommand, GetObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { type Check, differs, missing, ok } from '../check.ts'
import { briefly, httpStatusOf } from '../s3-target.ts'
import { partBytes } from '../scratch-bucket.ts'
import { encryptionFinding } from './writing.ts'

const part = Buffer.alloc(partBytes, 1)
const lastPart = Buffer.alloc(10, 2)

export const uploadChecks: readonly Check[] = [
  {
    capability: 'multipart upload',
    without: null,
    try: async ({ client, bucket, begin, head }) => {
      const upload = await begin('multipart', { Metadata: { probe: 'yes' }, ContentType: 'image/png', CacheControl: 'no-cache' })
      // the second part first, since parts are sent concurrently
      const second = await upload.part(2, lastPart)
      await upload.complete([await upload.part(1, part), second])
      const { ContentLength, Metadata, ContentType, CacheControl } = await head(upload.key)
      if (ContentLength !== partBytes + 10) return missing(`${ContentLength} bytes arrived of ${partBytes + 10}`)
      const tail = await client.send(new GetObjectCommand({ Bucket: bucket, Key: upload.key, Range: `bytes=${partBytes}-` }))
      if (!lastPart.equals((await tail.Body?.transformToByteArray()) ?? Buffer.alloc(0))) return missing('parts are out of order')
      const kept = Metadata?.probe === 'yes' && ContentType === 'image/png' && CacheControl === 'no-cache'
      return kept ? ok() : differs('metadata, type or cache headers are lost')
    },
  },
  {
    capability: 'Complete and HEAD name the same ETag',
    without: null,
    try: async ({ begin, head }) => {
      const upload = await begin('multipart-etag')
      const etag = await upload.complete([await upload.part(1, lastPart)])
      const { ETag } = await head(upload.key)
      return ETag === etag ? ok() : missing(`${etag}, then ${ETag}`)
    },
  },
  {
    capability: 'encryption (SSE-S3) on multipart uploads',
    without: 'set S3_SSE=none and encrypt the disks',
    try: async ({ begin, head }) => {
      const upload = await begin('multipart-sse', { ServerSideEncryption: 'AES256' })
      await upload.complete([await upload.part(1, lastPart)])
      return encryptionFinding((await head(upload.key)).ServerSideEncryption)
    },
  },
  {
    capability: 'If-None-Match: * on Complete',
    without: 'not used: keys are unique',
    try: async ({ put, begin }) => {
      await put('complete-if-none-match', 'first')
      const upload = await begin('complete-if-none-match')
      const parts = [await upload.part(1, lastPart)]
      return upload.complete(parts, { IfNoneMatch: '*' }).then(
        () => missing('the object was overwritten'),
        (error) => (httpStatusOf(error) === 412 ? ok() : differs(briefly(error))),
      )
    },
  },
  {
    capability: 'list open multipart uploads of a key',
    without: 'multipart uploads whose creation was not confirmed stay open until the lifecycle rule aborts them',
    try: async ({ client, bucket, key, begin }) => {
      const upload = await begin('open')
      const other = await begin('open-other')
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key('open') }))
      await upload.abort()
      await other.abort()
      const found = Uploads.map(({ UploadId }) => UploadId)
      return found.includes(upload.id) && found.includes(other.id) ? ok() : missing(`${found.length} of 2 are listed`)
    },
  },
  {
    capability: 'abort a multipart upload',
    without: null,
    try: async ({ begin }) => {
      const upload = await begin('aborted')
      const parts = [await upload.part(1, lastPart)]
      await upload.abort()
      return upload.complete(parts).then(
        () => missing('it could be completed afterwards'),
        (error) => (httpStatusOf(error) === 404 ? ok() : differs(`completing it afterwards: ${briefly(error)}`)),
      )
    },
  },
  {
    capability: 'aborting an unknown upload answers 404',
    without: 'no effect: Airlock treats both as success',
    try: async ({ client, bucket, begin }) => {
      const upload = await begin('aborted-twice')
      await upload.abort()
      return client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: upload.key, UploadId: upload.id })).then(
        ({ $metadata }) => differs(`answers ${$metadata.httpStatusCode}`),
        (error) => (httpStatusOf(error) === 404 ? ok() : differs(briefly(error))),
      )
    },
  },
]
