import { MiB } from '@airlock/domain'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamFailingHalfway, streamOf, streamStalledHalfway } from './bytes.ts'
import type { Bench } from './store-under-test.ts'

const nonce = 'nonce-of-this-test'

const sizes = [
  { what: 'an empty file', length: 0 },
  { what: 'a file of one byte', length: 1 },
  { what: 'a small file', length: 300_000 },
  { what: 'a file of exactly one part', length: 5 * MiB },
  { what: 'a file of one part and one byte', length: 5 * MiB + 1 },
  { what: 'a file of many parts', length: 17 * MiB + 12_345 },
]

const inOneAndInParts = [
  { what: 'sent in one request', length: 300_000 },
  { what: 'sent in parts', length: 17 * MiB },
]

export function receiveContract(bench: Bench): void {
  describe('receive', () => {
    test.for(sizes)('$what is stored unchanged', async ({ length }) => {
      const key = `quarantine/size-${length}`
      const bytes = someBytes(length)

      const received = await bench.store.receive(key, streamOf(bytes), { nonce })

      expect(received.sizeBytes).toBe(length)
      expect(await bench.store.head(key)).toMatchObject({ sizeBytes: length, etag: received.etag, metadata: { nonce } })
      expect(sha256(await bytesOf(bench.store.source(key, received)))).toBe(sha256(bytes))
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })

    test('small chunks are joined before they are sent', async () => {
      const bytes = someBytes(MiB)

      const received = await bench.store.receive('quarantine/tiny-chunks', streamOf(bytes, 7), { nonce })

      expect(sha256(await bytesOf(bench.store.source('quarantine/tiny-chunks', received)))).toBe(sha256(bytes))
    })

    test('ten concurrent files are stored separately', async () => {
      const files = Array.from({ length: 10 }, (_, number) => ({
        key: `quarantine/at-once-${number}`,
        bytes: someBytes(6 * MiB + number, number),
      }))

      const received = await Promise.all(files.map(({ key, bytes }) => bench.store.receive(key, streamOf(bytes), { nonce })))

      for (const [number, { key, bytes }] of files.entries()) {
        const pinned = received[number] ?? { etag: '', sizeBytes: 0 }
        expect(sha256(await bytesOf(bench.store.source(key, pinned)))).toBe(sha256(bytes))
      }
    })

    test.for(inOneAndInParts)('an object $what has no transfer encoding', async ({ length }) => {
      const key = `quarantine/encoding-${length}`
      await bench.store.receive(key, streamOf(someBytes(length)), { nonce })

      const { ContentEncoding = '' } = await bench.raw.send(new HeadObjectCommand({ Bucket: bench.bucket.bucket, Key: key }))

      expect(ContentEncoding).not.toContain('aws-chunked')
    })

    test.for(inOneAndInParts)('an object $what is encrypted', async ({ length }) => {
      const key = `quarantine/encrypted-${length}`
      await bench.store.receive(key, streamOf(someBytes(length)), { nonce })

      expect(await bench.store.head(key)).toMatchObject({ encryption: 'AES256' })
    })

    test.for(inOneAndInParts)('an object $what is stored without checksums too', async ({ length }) => {
      const key = `quarantine/no-checksums-${length}`
      const bytes = someBytes(length)
      const store = bench.storeWith({ checksums: 'when_required' })

      const received = await store.receive(key, streamOf(bytes), { nonce })

      expect(sha256(await bytesOf(store.source(key, received)))).toBe(sha256(bytes))
    })

    test.for(inOneAndInParts)('a stream that fails, $what, rejects with its error and leaves nothing', async ({ length }) => {
      const key = `quarantine/failing-${length}`
      const error = new Error('the client is gone')

      const receiving = bench.store.receive(key, streamFailingHalfway(someBytes(length), error), { nonce })

      await expect(receiving).rejects.toBe(error)
      expect(await bench.store.head(key)).toBeNull()
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
      expect(bench.leftovers).toEqual([])
    })

    test.for(inOneAndInParts)('an abort signal ends receiving from a stalled stream, $what, and leaves nothing', async ({ length }) => {
      const key = `quarantine/stalled-${length}`
      const reason = new Error('this takes too long')
      const stop = new AbortController()
      const stream = streamStalledHalfway(someBytes(length))

      const receiving = bench.store.receive(key, stream, { nonce, signal: stop.signal })
      stream.once('pause', () => {})
      setTimeout(() => stop.abort(reason), 100)

      await expect(receiving).rejects.toBe(reason)
      expect(stream.destroyed).toBe(true)
      expect(await bench.store.head(key)).toBeNull()
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })

    test('an already aborted signal ends receiving before anything is sent', async () => {
      const reason = new Error('shutting down')
      const stream = streamOf(someBytes(1000))

      await expect(bench.store.receive('quarantine/too-late', stream, { nonce, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)

      expect(stream.destroyed).toBe(true)
      expect(await bench.store.head('quarantine/too-late')).toBeNull()
    })
  })
}
