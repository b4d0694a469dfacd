import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { MiB } from '@airlock/domain'
import { type Leftover, type ObjectStore, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { type IsolatedBucket, isolatedBucket, privateServer } from '@airlock/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

/** A stream as slow as a client on a slow line, so that the test can act while it is sent. */
const slowStreamOf = (bytes: Buffer, { mebibyteEveryMs }: { mebibyteEveryMs: number }): Readable =>
  Readable.from(
    (async function* () {
      for (let offset = 0; offset < bytes.byteLength; offset += MiB) {
        yield bytes.subarray(offset, offset + MiB)
        await sleep(mebibyteEveryMs)
      }
    })(),
  )

describe('a store that becomes unavailable', () => {
  let server: Awaited<ReturnType<typeof privateServer<'s3'>>>
  let bucket: IsolatedBucket
  let store: ObjectStore
  const leftovers: Leftover[] = []

  beforeAll(async () => {
    server = await privateServer('s3')
    bucket = await isolatedBucket(server.address)
    store = s3ObjectStore({
      ...optionsFor(bucket),
      encryption: 'none',
      callTimeoutMs: 2_000,
      onLeftover: (leftover) => leftovers.push(leftover),
    })
  })
  afterAll(async () => {
    store?.close()
    await server?.drop()
  })

  test('that stops while receiving is reported as unavailable, and works again when it is back', async () => {
    const bytes = someBytes(30 * MiB)
    const stream = slowStreamOf(bytes, { mebibyteEveryMs: 30 })

    const receiving = store.receive('quarantine/stopped', stream, { nonce: 'n' })
    const [failure] = await Promise.all([receiving.catch((error) => error), sleep(400).then(() => server.stop())])

    expect(failure).toBeInstanceOf(StoreUnavailable)
    expect(failure.retryAfterSeconds).toBeGreaterThan(0)
    expect(stream.destroyed).toBe(true)
    expect(leftovers).toMatchObject([{ key: 'quarantine/stopped' }])

    await server.start()
    await store.abandonReceives('quarantine/stopped')
    expect(await bucket.openMultipartUploads()).toEqual([])
    const fewer = bytes.subarray(0, 6 * MiB)
    const received = await store.receive('quarantine/stopped', streamOf(fewer), { nonce: 'n' })
    expect(sha256(await bytesOf(store.source('quarantine/stopped', received)))).toBe(sha256(fewer))
  })

  test('that freezes is reported as unavailable after the timeout of a call', async () => {
    await server.pause()
    try {
      const start = performance.now()

      await expect(store.head('quarantine/frozen')).rejects.toThrow(/Head(Object|Bucket): no answer within 2000 ms/)
      await expect(store.check({ timeoutMs: 200 })).rejects.toThrow('ListObjectsV2: no answer within 200 ms')

      expect(performance.now() - start).toBeLessThan(5_000)
    } finally {
      await server.resume()
    }
    expect(await store.head('quarantine/frozen')).toBeNull()
  })

  test('that freezes briefly while a slow file arrives is waited for', async () => {
    const bytes = someBytes(12 * MiB)

    const receiving = store.receive('quarantine/slow', slowStreamOf(bytes, { mebibyteEveryMs: 100 }), { nonce: 'n' })
    await sleep(700)
    await server.pause()
    await sleep(400)
    await server.resume()

    const received = await receiving
    expect(sha256(await bytesOf(store.source('quarantine/slow', received)))).toBe(sha256(bytes))
  })

  test('a client that is slower than the timeout of a call does not count as an unavailable store', async () => {
    const bytes = someBytes(8 * MiB)

    const received = await store.receive('quarantine/slow-client', slowStreamOf(bytes, { mebibyteEveryMs: 250 }), { nonce: 'n' })

    expect(received.sizeBytes).toBe(bytes.byteLength)
  })
})

describe('a store that was never available', () => {
  const stores: ObjectStore[] = []
  const storeAt = (endpoint: string) => {
    const bucket = { bucket: 'b-1', endpoint, region: 'us-east-1', accessKeyId: 'a', secretAccessKey: 's' } as IsolatedBucket
    const store = s3ObjectStore({ ...optionsFor(bucket), encryption: 'none', callTimeoutMs: 1_000 })
    stores.push(store)
    return store
  }
  afterEach(() => {
    for (const store of stores.splice(0)) store.close()
  })

  test('is unavailable for every verb', async () => {
    const store = storeAt('http://127.0.0.1:1')
    const headers = { contentType: 'a/b', cacheControl: 'no-cache', metadata: {} }
    const verbs: Record<string, () => Promise<unknown>> = {
      receive: () => store.receive('quarantine/x', streamOf(someBytes(10)), { nonce: 'n' }),
      'receive, in parts': () => store.receive('quarantine/x', streamOf(someBytes(12 * MiB)), { nonce: 'n' }),
      head: () => store.head('quarantine/x'),
      read: () => store.source('quarantine/x', { etag: '"0"', sizeBytes: 1 }).read(0, 1),
      copyToFinal: () => store.copyToFinal('quarantine/x', 'final/x', { ifEtag: '"0"', sizeBytes: 1, headers }),
      purge: () => store.purge('quarantine/x'),
      abandonReceives: () => store.abandonReceives('quarantine/x'),
      list: () => store.list('', { limit: 1 }),
      check: () => store.check({ timeoutMs: 1_000 }),
    }
    for (const [verb, call] of Object.entries(verbs)) {
      await expect(call(), verb).rejects.toMatchObject({ name: 'StoreUnavailable' })
    }
  })

  test('but accepts bytes without responding is unavailable after the timeout of a call', async () => {
    const hole = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(hole, 'listening')
    const store = storeAt(`http://127.0.0.1:${(hole.address() as AddressInfo).port}`)

    await expect(store.receive('quarantine/x', streamOf(someBytes(100_000)), { nonce: 'n' })).rejects.toThrow(
      'PutObject: no answer within 1000 ms',
    )

    store.close()
    hole.close()
    await once(hole, 'close')
  })
})
