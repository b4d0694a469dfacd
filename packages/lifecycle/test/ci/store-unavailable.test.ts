import { Readable } from 'node:stream'
import { MiB } from '@airlock/domain'
import { type Leftover, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { isolatedBucket, privateServer } from '@airlock/testkit'
import { storeOptions } from '@airlock/testkit/airlock'
import { largeScene, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { Inspect } from '../../src/index.ts'
import { realInspect, test as withAirlock } from '../airlock.ts'

/** A private store, which the tests stop and start. */
const test = withAirlock.extend('private', { scope: 'file' }, async ({ world: _ }, { onCleanup }) => {
  const server = await privateServer('s3')
  const bucket = await isolatedBucket(server.address)
  const leftovers: Leftover[] = []
  const store = s3ObjectStore({
    ...storeOptions(bucket),
    encryption: 'none',
    callTimeoutMs: 3000,
    onLeftover: (leftover) => leftovers.push(leftover),
  })
  onCleanup(async () => {
    store.close()
    await server.drop()
  })
  return { server, bucket, store, leftovers }
})

test('a store that stops during an upload ends it: it is refunded, and its leftover is left to the sweeper', {
  meta: { id: 'store-stops-mid-upload' },
}, async ({ airlock, private: { server, bucket, store, leftovers } }) => {
  const video = largeScene()
  let stopped: Promise<void> | undefined
  const bytes = Readable.from(
    (async function* () {
      yield video.bytes.subarray(0, 6 * MiB)
      await expect.poll(() => bucket.openMultipartUploads(), { timeout: 10_000 }).toHaveLength(1)
      stopped = server.stop()
      await stopped
      yield video.bytes.subarray(6 * MiB)
    })(),
    { objectMode: false },
  )

  await expect(airlock.receives(video, { bytes, deps: { store } })).rejects.toBeInstanceOf(StoreUnavailable)

  const [row] = await airlock.rows()
  expect(row).toMatchObject({ state: 'abandoned', refusal: { code: 'storage_unavailable' }, counted: false })
  expect(airlock.counter.calls).toEqual([`given back ${airlock.userId}`])
  expect(leftovers).toMatchObject([{ key: row?.quarantineKey }])

  await stopped
  await server.start()
  expect(await bucket.keys()).toEqual([])
  expect(await store.abandonReceives(row?.quarantineKey ?? '')).toBe(1)
})

test('a store that becomes unavailable before promotion costs an attempt, and the next one creates the asset', async ({
  airlock,
  private: { server, bucket, store },
}) => {
  const upload = await airlock.accepts(samples.photo, { deps: { store } })
  const inspect: Inspect = async (source, claim, signal) => {
    const verdict = await realInspect(source, claim, signal)
    await server.stop()
    return verdict
  }

  expect(await airlock.worker({ store, inspect }).process(upload)).toMatchObject({ ended: 'retry' })
  expect(await airlock.of(upload)).toMatchObject({ state: 'received', attempt: 1, lastFault: expect.stringContaining('StoreUnavailable') })

  await server.start()
  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'completed' })
  expect(await airlock.assetsOf(upload)).toHaveLength(1)
  expect(await bucket.keys()).toEqual([upload.finalKey])
})

test('an unresponsive store costs an attempt within its timeout', { meta: { id: 'store-silent-costs-an-attempt' } }, async ({
  airlock,
  private: { server, store },
}) => {
  const upload = await airlock.accepts(samples.photo, { deps: { store } })
  await server.pause()
  const started = performance.now()
  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'retry' })
  expect(performance.now() - started).toBeLessThan(8000)

  await server.resume()
  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'completed' })
})
