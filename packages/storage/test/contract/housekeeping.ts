import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from './bytes.ts'
import type { Bench } from './store-under-test.ts'

const oddNames = [
  'two words',
  'a+b',
  '100%',
  'a%20b',
  '👍🏽',
  'Ärger',
  '日本語',
  "it's",
  'a&b=c',
  'a;b,c',
  '(1)[2]{3}',
  '~tilde!',
  '#1?',
  '@:$',
  'a"b<c>d',
]

export function housekeepingContract(bench: Bench): void {
  const receive = (key: string, length = 10) => bench.store.receive(key, streamOf(someBytes(length)), { nonce: 'n' })

  describe('keys', () => {
    test.for(oddNames)('%s is a key like any other', async (name) => {
      const from = `quarantine/odd ${name}`
      const to = `final/odd ${name}`
      const received = await receive(from)
      const headers = { contentType: 'image/png', cacheControl: 'no-cache', metadata: {} }

      await bench.store.copyToFinal(from, to, { ifEtag: received.etag, sizeBytes: 10, headers })

      expect(await bench.store.list(to, { limit: 2 })).toMatchObject([{ key: to, sizeBytes: 10 }])
      const download = await fetch((await bench.store.presign(to, { expiresInSeconds: 60 })).url)
      expect(sha256(await download.bytes())).toBe(sha256(await bytesOf(bench.store.source(from, received))))
      await bench.store.purge(to)
      expect(await bench.store.head(to)).toBeNull()
    })
  })

  describe('purge', () => {
    test('removes one object, and none with the same prefix', async () => {
      await receive('quarantine/purge')
      await receive('quarantine/purge-not')

      await bench.store.purge('quarantine/purge')

      expect(await bench.store.head('quarantine/purge')).toBeNull()
      expect(await bench.store.head('quarantine/purge-not')).not.toBeNull()
    })

    test('of a missing object succeeds', async () => {
      await expect(bench.store.purge('quarantine/never-was')).resolves.toBeUndefined()
    })
  })

  describe('abandonReceives', () => {
    const begin = (key: string) => bench.raw.send(new CreateMultipartUploadCommand({ Bucket: bench.bucket.bucket, Key: key }))

    test('ends all open multipart uploads of one key, and none of another', async () => {
      await Promise.all(['quarantine/u1', 'quarantine/u1', 'quarantine/u10', 'quarantine/u0', 'elsewhere/u1'].map(begin))

      expect(await bench.store.abandonReceives('quarantine/u1')).toBe(2)

      expect((await bench.bucket.openMultipartUploads()).toSorted()).toEqual(['elsewhere/u1', 'quarantine/u0', 'quarantine/u10'])
      for (const key of ['quarantine/u10', 'quarantine/u0', 'elsewhere/u1']) expect(await bench.store.abandonReceives(key)).toBe(1)
    })

    test('finds nothing if nothing is open', async () => {
      await receive('quarantine/finished')

      expect(await bench.store.abandonReceives('quarantine/finished')).toBe(0)
      expect(await bench.store.head('quarantine/finished')).not.toBeNull()
    })
  })

  test('openReceives lists unfinished uploads below a prefix only', async () => {
    const begin = (key: string) => bench.raw.send(new CreateMultipartUploadCommand({ Bucket: bench.bucket.bucket, Key: key }))
    const keys = ['listed/a', 'listed/b', 'listed/b', 'listed/c']
    await Promise.all([...keys, 'listed-not/x'].map(begin))

    const open = await bench.store.openReceives('listed/')

    expect(open.map(({ key }) => key).toSorted()).toEqual(keys)
    for (const { begunAt } of open) expect(Math.abs(begunAt.getTime() - Date.now())).toBeLessThan(60_000)
    expect(await bench.store.openReceives('listed-never/')).toEqual([])
    for (const key of new Set([...keys, 'listed-not/x'])) await bench.store.abandonReceives(key)
  })

  describe('list', () => {
    test('returns the keys below a prefix in order, up to a limit, after a given one', async () => {
      for (const name of ['a', 'b', 'c', 'd']) await receive(`listed/${name}`)
      await receive('listed-not/x')

      const first = await bench.store.list('listed/', { limit: 3 })
      const rest = await bench.store.list('listed/', { limit: 3, after: first.at(-1)?.key })

      expect(first.map(({ key }) => key)).toEqual(['listed/a', 'listed/b', 'listed/c'])
      expect(rest.map(({ key }) => key)).toEqual(['listed/d'])
      expect(first[0]).toEqual({ key: 'listed/a', sizeBytes: 10, etag: expect.stringMatching(/^"/), lastModified: expect.any(Date) })
      expect(await bench.store.list('listed/nothing', { limit: 10 })).toEqual([])
    })

    test.for([0, 1001, 1.5])('refuses a limit of %s', async (limit) => {
      await expect(bench.store.list('', { limit })).rejects.toThrow(RangeError)
    })
  })

  describe('if the bucket is not accessible', () => {
    test('a missing bucket is not an empty bucket', async () => {
      const store = bench.storeWith({ bucket: `${bench.bucket.bucket}-not` })

      const askings: (() => Promise<unknown>)[] = [
        () => store.head('quarantine/x'),
        () => store.purge('quarantine/x'),
        () => store.check({ timeoutMs: 5_000 }),
        () => store.source('quarantine/x', { etag: '"0"', sizeBytes: 1 }).read(0, 1),
        () => store.receive('quarantine/x', streamOf(someBytes(10)), { nonce: 'n' }),
      ]
      for (const asking of askings) await expect(asking()).rejects.toMatchObject({ name: 'StoreFailure', code: 'NoSuchBucket' })
    })

    test('a wrong secret is not reported as a missing object', async () => {
      const { accessKeyId } = bench.bucket
      const store = bench.storeWith({ credentials: { accessKeyId, secretAccessKey: 'not-the-secret' } })

      await expect(store.head('quarantine/x')).rejects.toMatchObject({ name: 'StoreFailure', status: 403 })
      await expect(store.check({ timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 })
    })
  })

  test('check passes for a bucket that responds', async () => {
    await expect(bench.store.check({ timeoutMs: 5_000 })).resolves.toBeUndefined()
  })
}
