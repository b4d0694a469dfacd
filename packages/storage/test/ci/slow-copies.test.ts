import { MiB } from '@airlock/domain'
import { type ObjectStore, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { FaultyLink, givenStack, type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

const headers = { contentType: 'video/mp4', cacheControl: 'no-cache', metadata: { upload_id: 'u1' } }
const fourParts = someBytes(20 * MiB)
const partCopies = /^PUT .*final\/\S+partNumber=/

const link = new FaultyLink(givenStack().s3.endpoint)
let bucket: IsolatedBucket
let endpoint: string
let store: ObjectStore
let received: { etag: string; sizeBytes: number }

beforeAll(async () => {
  bucket = await isolatedBucket()
  endpoint = await link.open()
  store = storeWith(3000)
  const sender = storeWith(30_000) // only copies have the short timeout
  received = await sender.receive('quarantine/scene', streamOf(fourParts), { nonce: 'n' })
  sender.close()
}, 60_000)
afterEach(async () => {
  link.fails()
  expect(await bucket.openMultipartUploads()).toEqual([])
})
afterAll(async () => {
  store.close()
  await link.close()
  await bucket.drop()
})

function storeWith(callTimeoutMs: number): ObjectStore {
  const options = optionsFor({ ...bucket, endpoint })
  return s3ObjectStore({ ...options, callTimeoutMs, tuning: { ...options.tuning, copyPartBytes: 5 * MiB } })
}

const copiesOf = (part: string): number => link.requests.filter((line) => partCopies.test(line) && line.includes(part)).length
const copy = (to: string, signal?: AbortSignal, by = store) =>
  by.copyToFinal('quarantine/scene', to, { ifEtag: received.etag, sizeBytes: received.sizeBytes, headers, signal })

test('a part that takes too long is copied again, and finished parts are kept', {
  meta: { id: 'slow-copy-keeps-parts' },
  timeout: 60_000,
}, async () => {
  link.fails({ request: /^PUT .*final\/one\S+partNumber=3/, kind: 'silence', times: 1 })

  const { etag } = await copy('final/one')

  expect(link.requests.filter((line) => /^POST .*final\/one\S*uploads/.test(line))).toHaveLength(1)
  expect(copiesOf('partNumber=3&')).toBeGreaterThan(1)
  expect(copiesOf('partNumber=')).toBeLessThan(8)
  expect(sha256(await bytesOf(store.source('final/one', { etag, sizeBytes: received.sizeBytes })))).toBe(sha256(fourParts))
})

test('four concurrent copies with slow parts continue with fewer parallel parts', {
  meta: { id: 'slow-copies-lower-parallelism' },
  timeout: 120_000,
}, async () => {
  link.fails({ request: partCopies, kind: { aloneMs: 350 } }) // 16 concurrent copies take 5.6 s, and the timeout of a call is 3 s

  const copies = await Promise.all([1, 2, 3, 4].map((n) => copy(`final/slow-${n}`)))

  expect(copies).toHaveLength(4)
  for (const n of [1, 2, 3, 4]) expect(await store.head(`final/slow-${n}`)).toMatchObject({ sizeBytes: received.sizeBytes })
})

test('a store that never copies a part in time is unavailable', {
  meta: { id: 'copy-never-in-time' },
  timeout: 120_000,
}, async () => {
  link.fails({ request: /^PUT .*final\/never\S+partNumber=2/, kind: 'silence' })

  await expect(copy('final/never')).rejects.toThrow(StoreUnavailable)

  expect(copiesOf('partNumber=2&')).toBe(5)
  expect(await store.head('final/never')).toBeNull()
})

test('an abort signal ends a copy whose parts are waiting', { timeout: 60_000 }, async () => {
  const callTimeoutMs = 20_000
  const patient = storeWith(callTimeoutMs)
  link.fails({ request: partCopies, kind: 'silence' })
  const [held, stopped] = [new AbortController(), new AbortController()]
  const copies = ['final/held-1', 'final/held-2', 'final/held-3', 'final/held-4'].map((to) => copy(to, held.signal, patient))
  await expect.poll(() => copiesOf('partNumber='), { timeout: 10_000 }).toBe(16)
  const waiting = copy('final/waiting', stopped.signal, patient)
  const all = Promise.allSettled([...copies, waiting])
  await expect.poll(() => link.requests.filter((line) => /final\/waiting\S*uploads/.test(line)).length, { timeout: 10_000 }).toBe(1)
  const asOf = performance.now()

  stopped.abort(new Error('the worker stops'))
  await expect(waiting).rejects.toThrow('the worker stops')
  expect(performance.now() - asOf, 'before the other copies get their responses').toBeLessThan(callTimeoutMs / 2)
  held.abort(new Error('the worker stops'))
  await all
  patient.close()
})
