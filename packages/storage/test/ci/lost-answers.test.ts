import { MiB } from '@airlock/domain'
import { type Leftover, type ObjectStore, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { FaultyLink, givenStack, type IsolatedBucket, isolatedBucket, waitFor } from '@airlock/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamFailingHalfway, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

const headers = { contentType: 'image/png', cacheControl: 'no-cache', metadata: { upload_id: 'u1' } }
const small = someBytes(300_000)
const large = someBytes(12 * MiB)

const link = new FaultyLink(givenStack().s3.endpoint)
let bucket: IsolatedBucket
let store: ObjectStore
let leftovers: Leftover[]

beforeAll(async () => {
  bucket = await isolatedBucket()
  const endpoint = await link.open()
  store = s3ObjectStore({
    ...optionsFor({ ...bucket, endpoint }),
    callTimeoutMs: 5_000,
    onLeftover: (leftover) => leftovers.push(leftover),
  })
})
beforeEach(() => {
  leftovers = []
  link.fails()
})
afterEach(async () => {
  link.fails()
  expect(await bucket.openMultipartUploads()).toEqual([])
})
afterAll(async () => {
  store.close()
  await link.close()
  await bucket.drop()
})

const asked = (pattern: RegExp): number => link.requests.filter((line) => pattern.test(line)).length

test('a PUT whose response was lost is retried', async () => {
  link.fails({ request: /^PUT .*lost-once/, kind: 'lost answer', times: 1 })

  const received = await store.receive('quarantine/lost-once', streamOf(small), { nonce: 'n' })

  expect(asked(/^PUT /)).toBe(2)
  expect(sha256(await bytesOf(store.source('quarantine/lost-once', received)))).toBe(sha256(small))
})

test('a PUT without any response is recognised by its nonce', { meta: { id: 'put-answer-lost' } }, async () => {
  link.fails({ request: /^PUT .*lost-always/, kind: 'lost answer' })

  const received = await store.receive('quarantine/lost-always', streamOf(small), { nonce: 'n' })

  expect(asked(/^PUT /)).toBe(4)
  expect(received.sizeBytes).toBe(small.byteLength)
  expect(sha256(await bytesOf(store.source('quarantine/lost-always', received)))).toBe(sha256(small))
})

test('a completion without any response is recognised by its nonce', async () => {
  link.fails({ request: /^POST .*lost-complete.*uploadId/, kind: 'lost answer' })

  const received = await store.receive('quarantine/lost-complete', streamOf(large), { nonce: 'n' })

  expect(sha256(await bytesOf(store.source('quarantine/lost-complete', received)))).toBe(sha256(large))
})

test('a part whose response was lost is retried', async () => {
  link.fails({ request: /^PUT .*partNumber=2/, kind: 'lost answer', times: 2 })

  const received = await store.receive('quarantine/lost-part', streamOf(large), { nonce: 'n' })

  expect(asked(/partNumber=2/)).toBe(3)
  expect(sha256(await bytesOf(store.source('quarantine/lost-part', received)))).toBe(sha256(large))
})

test('a multipart upload that was created twice, because the first response was lost, leaves no open upload', async () => {
  link.fails({ request: /^POST .*begun-twice\?uploads/, kind: 'lost answer', times: 1 })

  const received = await store.receive('quarantine/begun-twice', streamOf(large), { nonce: 'n' })

  expect(received.sizeBytes).toBe(large.byteLength)
  expect(await bucket.openMultipartUploads()).toEqual([])
})

test('a multipart upload whose creation got no response leaves no open upload', async () => {
  link.fails({ request: /^POST .*never-begun\?uploads/, kind: 'lost answer' })

  await expect(store.receive('quarantine/never-begun', streamOf(large), { nonce: 'n' })).rejects.toThrow(StoreUnavailable)

  expect(await bucket.openMultipartUploads()).toEqual([])
  expect(leftovers).toEqual([])
})

test('an object of someone else with the same size is not mistaken for ours', async () => {
  await store.receive('quarantine/of-another', streamOf(small), { nonce: 'theirs' })
  link.fails({ request: /^PUT .*of-another/, kind: 'lost request' })

  await expect(store.receive('quarantine/of-another', streamOf(small), { nonce: 'ours' })).rejects.toThrow(StoreUnavailable)
})

test('a copy without a response is found at its final key', { meta: { id: 'copy-answer-lost' } }, async () => {
  const { etag, sizeBytes } = await store.receive('quarantine/copied', streamOf(small), { nonce: 'n' })
  link.fails({ request: /^PUT .*final\/copied/, kind: 'lost answer' })

  const copy = await store.copyToFinal('quarantine/copied', 'final/copied', { ifEtag: etag, sizeBytes, headers })

  expect(await store.head('final/copied')).toMatchObject({ etag: copy.etag, metadata: headers.metadata })
})

test('a multipart copy without a response to its completion is found at its final key', async () => {
  const { etag, sizeBytes } = await store.receive('quarantine/parts', streamOf(large), { nonce: 'n' })
  link.fails({ request: /^POST .*final\/parts\?uploadId/, kind: 'lost answer' })

  const copy = await store.copyToFinal('quarantine/parts', 'final/parts', { ifEtag: etag, sizeBytes, headers })

  expect(await store.head('final/parts')).toMatchObject({ etag: copy.etag, metadata: headers.metadata })
})

test('a copy that is not at its final key fails with its error', async () => {
  const { etag, sizeBytes } = await store.receive('quarantine/unseen', streamOf(small), { nonce: 'n' })
  link.fails({ request: /^(PUT|HEAD) .*final\/unseen/, kind: 'lost answer' })

  await expect(store.copyToFinal('quarantine/unseen', 'final/unseen', { ifEtag: etag, sizeBytes, headers })).rejects.toThrow(
    /^CopyObject: ECONNRESET/,
  )
})

test('a body that breaks off is requested again', async () => {
  const received = await store.receive('quarantine/broken-off', streamOf(large), { nonce: 'n' })
  link.fails({ request: /^GET .*broken-off/, kind: { cutAfterBytes: 200_000 }, times: 3 })

  expect(sha256(await bytesOf(store.source('quarantine/broken-off', received)))).toBe(sha256(large))
})

test('a body that always breaks off is an unavailable store, after three retries', async () => {
  const received = await store.receive('quarantine/always-broken', streamOf(large), { nonce: 'n' })
  link.fails({ request: /^GET .*always-broken/, kind: { cutAfterBytes: 200_000 } })

  await expect(store.source('quarantine/always-broken', received).read(0, MiB)).rejects.toThrow(StoreUnavailable)

  expect(asked(/^GET /)).toBe(4)
})

test('a failed cleanup is reported, and the error of the stream is thrown', async () => {
  const error = new Error('the client is gone')
  link.fails({ request: /^DELETE .*uncleaned/, kind: 'lost request' })

  const receiving = store.receive('quarantine/uncleaned', streamFailingHalfway(someBytes(24 * MiB), error), { nonce: 'n' })

  await expect(receiving).rejects.toBe(error)
  expect(leftovers).toMatchObject([{ key: 'quarantine/uncleaned', error: { name: 'StoreUnavailable' } }])
  link.fails()
  expect(await store.abandonReceives('quarantine/uncleaned')).toBe(1)
})

test('a copy whose multipart upload could not be aborted reports it, and throws why the copy failed', async () => {
  const { etag, sizeBytes } = await store.receive('quarantine/unended', streamOf(large), { nonce: 'n' })
  link.fails({ request: /^DELETE .*final\/unended/, kind: 'lost request' }, { request: /^PUT .*partNumber=2/, kind: 'lost request' })

  const copying = store.copyToFinal('quarantine/unended', 'final/unended', { ifEtag: etag, sizeBytes, headers })

  await expect(copying).rejects.toThrow(/^UploadPartCopy: ECONNRESET/)
  expect(leftovers).toMatchObject([{ key: 'final/unended' }])
  link.fails()
  expect(await store.abandonReceives('final/unended')).toBe(1)
})

test('an abort signal ends a copy and a read that get no response', {
  meta: { id: 'stop-aborts-silent-copy' },
}, async () => {
  const received = await store.receive('quarantine/silent', streamOf(small), { nonce: 'n' })
  const reason = new Error('the worker stops')
  const stop = new AbortController()
  link.fails({ request: /^(HEAD .*final|GET .*quarantine)/, kind: 'silence' })

  const copied = store.copyToFinal('quarantine/silent', 'final/silent', {
    ifEtag: received.etag,
    sizeBytes: received.sizeBytes,
    headers,
    signal: stop.signal,
  })
  const read = store.source('quarantine/silent', { ...received, signal: stop.signal }).read(0, 10)
  const ends = Promise.allSettled([copied, read])
  await waitFor(() => asked(/^HEAD .*final/) === 1 && asked(/^GET .*quarantine/) === 1, { what: 'both requests' })
  const started = performance.now()
  stop.abort(reason)

  expect(await ends).toEqual([
    { status: 'rejected', reason },
    { status: 'rejected', reason },
  ])
  expect(performance.now() - started).toBeLessThan(2_000)
})
