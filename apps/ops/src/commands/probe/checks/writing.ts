import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { type Check, differs, missing, ok } from '../check.ts'
import { briefly, httpStatusOf } from '../s3-target.ts'

export const writingChecks: readonly Check[] = [
  {
    capability: 'put, get and delete an object',
    without: null,
    try: async ({ client, bucket, put }) => {
      const body = randomBytes(100_000)
      const { key } = await put('plain', body)
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      if (!body.equals((await Body?.transformToByteArray()) ?? Buffer.alloc(0))) return missing('other bytes came back')
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
      return ok()
    },
  },
  {
    capability: 'a missing object answers 404',
    without: null,
    try: async ({ head, key }) => {
      const status = await head(key('never-was')).then(() => 200, httpStatusOf)
      return status === 404 ? ok() : missing(`answers ${status}`)
    },
  },
  {
    capability: 'put and HEAD name the same ETag',
    without: null,
    try: async ({ put, head }) => {
      const { key, etag } = await put('etag', 'etag')
      const { ETag } = await head(key)
      return ETag === etag ? ok() : missing(`${etag}, then ${ETag}`)
    },
  },
  {
    capability: 'list a prefix, in order, after a key',
    without: null,
    try: async ({ client, bucket, key, put }) => {
      for (const name of ['list/b', 'list/a', 'list/c', 'listing']) await put(name, 'x')
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: key('list/'), StartAfter: key('list/a'), MaxKeys: 10 }),
      )
      const names = Contents.map(({ Key = '' }) => Key.slice(key('list/').length)).join(' ')
      return names === 'b c' ? ok() : missing(`returns '${names}'`)
    },
  },
  {
    capability: 'metadata, type and cache headers on put',
    without: null,
    try: async ({ put, head }) => {
      const { key } = await put('headers', 'x', { Metadata: { probe: 'yes' }, ContentType: 'image/png', CacheControl: 'no-cache' })
      const { Metadata, ContentType, CacheControl } = await head(key)
      const kept = Metadata?.probe === 'yes' && ContentType === 'image/png' && CacheControl === 'no-cache'
      return kept ? ok() : missing(`metadata ${JSON.stringify(Metadata)}, type ${ContentType}, cache ${CacheControl}`)
    },
  },
  {
    capability: 'encryption (SSE-S3) on put',
    without: 'set S3_SSE=none and encrypt the disks',
    try: async ({ put, head }) => {
      const { key } = await put('sse', 'x', { ServerSideEncryption: 'AES256' })
      return encryptionFinding((await head(key)).ServerSideEncryption)
    },
  },
  {
    capability: 'If-None-Match: * on put',
    without: 'not used: keys are unique',
    try: async ({ client, bucket, put }) => {
      const { key } = await put('if-none-match', 'first')
      return put('if-none-match', 'second', { IfNoneMatch: '*' }).then(
        () => missing('the object was overwritten'),
        async (error) => {
          if (httpStatusOf(error) !== 412) return differs(briefly(error))
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
          return (await Body?.transformToString()) === 'first' ? ok() : differs('answers 412 but overwrites')
        },
      )
    },
  },
  {
    capability: 'trailing checksums (CRC32)',
    without: 'set S3_CHECKSUMS=when_required',
    try: async ({ checksummed, bucket, key, head }) => {
      await checksummed.send(streamed(bucket, key('trailer')))
      const { ContentLength } = await head(key('trailer'))
      return ContentLength === streamedBytes ? ok() : missing(`${ContentLength} bytes arrived of ${streamedBytes}`)
    },
  },
  {
    capability: 'no stray Content-Encoding after a streamed body',
    without: 'no effect: Airlock sends whole buffers',
    try: async ({ checksummed, bucket, key, head }) => {
      await checksummed.send(streamed(bucket, key('encoding')))
      const { ContentEncoding } = await head(key('encoding'))
      return ContentEncoding?.includes('aws-chunked') ? differs(`Content-Encoding: ${ContentEncoding} stays`) : ok()
    },
  },
  {
    capability: 'a wrong checksum is refused',
    without: 'corruption in transit is detected only by inspection',
    try: ({ put }) =>
      put('wrong-checksum', 'x', { ChecksumCRC32: 'AAAAAA==' }).then(
        () => missing('the object was accepted'),
        (error) => (httpStatusOf(error) === 400 ? ok() : differs(briefly(error))),
      ),
  },
]

const streamedBytes = 200_000

const streamed = (Bucket: string, Key: string): PutObjectCommand =>
  new PutObjectCommand({ Bucket, Key, Body: Readable.from([Buffer.alloc(streamedBytes, 7)]), ContentLength: streamedBytes })

export const encryptionFinding = (header: string | undefined) =>
  header === 'AES256' ? ok() : missing(header === undefined ? 'HEAD does not report it' : `HEAD reports ${header}`)
