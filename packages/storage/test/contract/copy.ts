import { MiB } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type ObjectStore } from '@airlock/storage'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { sha256, someBytes, streamOf } from './bytes.ts'
import type { Bench } from './store-under-test.ts'

const headers = {
  contentType: 'image/png',
  cacheControl: 'public, max-age=31536000, immutable',
  metadata: { upload_id: '018f-1', content_hash: 'abc', asset_type: 'brand_image' },
}

const waysToCopy = [
  { way: 'in one copy', length: 1 * MiB + 3, serverSideCopy: true },
  { way: 'in parts', length: 12 * MiB + 3, serverSideCopy: true },
  { way: 'through us, small', length: 1 * MiB + 3, serverSideCopy: false },
  { way: 'through us, large', length: 12 * MiB + 3, serverSideCopy: false },
]

export function copyContract(bench: Bench): void {
  describe.for(waysToCopy)('copyToFinal $way', ({ way, length, serverSideCopy }) => {
    const name = way.replaceAll(/\W+/g, '-')
    const bytes = someBytes(length, length)
    let keys = 0

    async function quarantined(content = bytes) {
      const from = `quarantine/${name}-${++keys}`
      const { etag, sizeBytes } = await bench.store.receive(from, streamOf(content), { nonce: 'n' })
      return { from, to: `final/${name}-${keys}`, options: { ifEtag: etag, sizeBytes, headers } }
    }
    const store = (): ObjectStore => bench.storeWith({ serverSideCopy })
    const bytesAt = async (key: string) =>
      (await bench.raw.send(new GetObjectCommand({ Bucket: bench.bucket.bucket, Key: key }))).Body?.transformToByteArray()

    test('the copy has the bytes, headers and metadata, and nothing of the quarantine', async () => {
      const { from, to, options } = await quarantined()

      const { etag } = await store().copyToFinal(from, to, options)

      expect(await bench.store.head(to)).toEqual({
        etag,
        sizeBytes: length,
        contentType: headers.contentType,
        cacheControl: headers.cacheControl,
        metadata: headers.metadata,
        encryption: 'AES256',
        lastModified: expect.any(Date),
      })
      expect(sha256((await bytesAt(to)) ?? new Uint8Array())).toBe(sha256(bytes))
      expect(await bench.store.head(from)).not.toBeNull()
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })

    test('bytes that changed since they were inspected are not copied', async () => {
      const { from, to, options } = await quarantined()
      await bench.store.receive(from, streamOf(someBytes(length, 99)), { nonce: 'n' })

      await expect(store().copyToFinal(from, to, options)).rejects.toThrow(ObjectChanged)

      expect(await bench.store.head(to)).toBeNull()
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })

    test('a missing source is reported', async () => {
      const options = { ifEtag: '"0123456789abcdef0123456789abcdef"', sizeBytes: length, headers }

      await expect(store().copyToFinal('quarantine/never-was', `final/${name}-never`, options)).rejects.toThrow(ObjectMissing)

      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })

    test('repeated and concurrent copying has the same result', async () => {
      const { from, to, options } = await quarantined()
      const [first, second] = await Promise.all([store().copyToFinal(from, to, options), store().copyToFinal(from, to, options)])
      const third = await store().copyToFinal(from, to, options)

      expect(new Set([second.etag, third.etag])).toEqual(new Set([first.etag]))
      expect(sha256((await bytesAt(to)) ?? new Uint8Array())).toBe(sha256(bytes))
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })

    test('a missing source is not a failure if its copy exists', async () => {
      const { from, to, options } = await quarantined()
      const { etag } = await store().copyToFinal(from, to, options)
      await bench.store.purge(from)

      expect(await store().copyToFinal(from, to, options)).toEqual({ etag })
    })

    test('a missing source is a failure if another object is at the final key', async () => {
      const { from, to, options } = await quarantined()
      await bench.store.receive(to, streamOf(bytes), { nonce: 'of another' })
      await bench.store.purge(from)

      await expect(store().copyToFinal(from, to, options)).rejects.toThrow(ObjectMissing)
    })

    test('an abort signal ends the copy', async () => {
      const { from, to, options } = await quarantined()
      const reason = new Error('shutting down')

      await expect(store().copyToFinal(from, to, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)

      expect(await bench.store.head(to)).toBeNull()
      expect(await bench.bucket.openMultipartUploads()).toEqual([])
    })
  })

  test("metadata that can't be sent in headers is refused before the copy", async () => {
    const { etag, sizeBytes } = await bench.store.receive('quarantine/umlaut', streamOf(someBytes(10)), { nonce: 'n' })
    const options = { ifEtag: etag, sizeBytes, headers: { ...headers, metadata: { name: 'Bär' } } }

    await expect(bench.store.copyToFinal('quarantine/umlaut', 'final/umlaut', options)).rejects.toThrow(RangeError)
  })
}
