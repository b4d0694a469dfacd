import { MiB } from '@airlock/domain'
import { type ObjectStore, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { FaultyLink, givenStack, type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

const headers = { contentType: 'image/png', cacheControl: 'no-cache', metadata: { upload_id: 'u1' } }
const small = someBytes(300_000)
const large = someBytes(12 * MiB)

const link = new FaultyLink(givenStack().s3.endpoint)
let bucket: IsolatedBucket
let store: ObjectStore

beforeAll(async () => {
  bucket = await isolatedBucket()
  const endpoint = await link.open()
  store = s3ObjectStore({ ...optionsFor({ ...bucket, endpoint }), callTimeoutMs: 5_000 })
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
const busy = { error: 'SlowDown', status: 503 }
const errorIn200 = { error: 'InternalError', status: 200 }

/** The steps of a copy, each with the pattern of its request. */
const steps = [
  { step: 'CopyObject', bytes: small, request: /^PUT .*final\/\S+ / },
  { step: 'UploadPartCopy', bytes: large, request: /^PUT .*final\/\S+partNumber=2/ },
  { step: 'CompleteMultipartUpload', bytes: large, request: /^POST .*final\/\S+uploadId/ },
] as const

test.for(steps)('a copy whose $step gets a 200 response with an error is retried', async ({ step, bytes, request }) => {
  const [from, to] = [`quarantine/${step}-once`, `final/${step}-once`]
  const { etag, sizeBytes } = await store.receive(from, streamOf(bytes), { nonce: 'n' })
  link.fails({ request, kind: errorIn200, times: 2 })

  const copy = await store.copyToFinal(from, to, { ifEtag: etag, sizeBytes, headers })

  expect(asked(request)).toBe(3)
  expect(sha256(await bytesOf(store.source(to, { etag: copy.etag, sizeBytes })))).toBe(sha256(bytes))
})

test.for(steps)(
  'a copy whose $step always gets a 200 response with an error fails as an unavailable store',
  { meta: { id: 'copy-error-in-200' } },
  async ({ step, bytes, request }) => {
    const [from, to] = [`quarantine/${step}-always`, `final/${step}-always`]
    const { etag, sizeBytes } = await store.receive(from, streamOf(bytes), { nonce: 'n' })
    link.fails({ request, kind: errorIn200 })

    const copying = store.copyToFinal(from, to, { ifEtag: etag, sizeBytes, headers })

    await expect(copying).rejects.toThrow(StoreUnavailable)
    await expect(copying).rejects.toThrow(`${step}: InternalError`)
    expect(asked(request)).toBe(4)
    expect(await store.head(to)).toBeNull()
    expect(await store.head(from)).toMatchObject({ etag })
  },
)

test('a multipart upload whose completion gets a 200 response with an error is completed at the next attempt', async () => {
  const request = /^POST .*quarantine\/completed\S+uploadId/
  link.fails({ request, kind: errorIn200, times: 2 })

  const received = await store.receive('quarantine/completed', streamOf(large), { nonce: 'n' })

  expect(asked(request)).toBe(3)
  expect(sha256(await bytesOf(store.source('quarantine/completed', received)))).toBe(sha256(large))
})

test('a multipart upload whose completion always gets a 200 response with an error fails and leaves nothing', {
  meta: { id: 'multipart-completion-error-in-200' },
}, async () => {
  link.fails({ request: /^POST .*quarantine\/uncompleted\S+uploadId/, kind: errorIn200 })

  const receiving = store.receive('quarantine/uncompleted', streamOf(large), { nonce: 'n' })

  await expect(receiving).rejects.toThrow(StoreUnavailable)
  expect(await store.head('quarantine/uncompleted')).toBeNull()
})

test.for([
  { what: 'a small file', bytes: small },
  { what: 'a large file', bytes: large },
])('$what succeeds after three SlowDown responses', async ({ what, bytes }) => {
  const key = `quarantine/patient-${bytes.byteLength}`
  link.fails({ request: /^PUT /, kind: busy, times: 3 })

  const received = await store.receive(key, streamOf(bytes), { nonce: 'n' })

  expect(sha256(await bytesOf(store.source(key, received))), what).toBe(sha256(bytes))
})

test.for([
  { what: 'a small file', bytes: small },
  { what: 'a large file', bytes: large },
])(
  '$what fails and leaves nothing if the store always responds with SlowDown',
  { meta: { id: 'store-busy-during-receive' } },
  async ({ bytes }) => {
    const key = `quarantine/refused-${bytes.byteLength}`
    link.fails({ request: /^PUT /, kind: busy })
    const begun = performance.now()

    await expect(store.receive(key, streamOf(bytes), { nonce: 'n' })).rejects.toThrow(StoreUnavailable)

    const tries = Object.values(Object.groupBy(link.requests, (line) => line)).map((same) => same?.length ?? 0)
    expect(Math.max(...tries), 'attempts of one call').toBe(4)
    expect(performance.now() - begun).toBeLessThan(3000)
    expect(await store.head(key)).toBeNull()
  },
)

test('a copy succeeds after three SlowDown responses', { meta: { id: 'copy-store-busy' } }, async () => {
  const { etag, sizeBytes } = await store.receive('quarantine/burst', streamOf(large), { nonce: 'n' })
  link.fails({ request: /^(PUT|POST) .*final\/burst/, kind: busy, times: 3 })

  const copy = await store.copyToFinal('quarantine/burst', 'final/burst', { ifEtag: etag, sizeBytes, headers })

  expect(sha256(await bytesOf(store.source('final/burst', { etag: copy.etag, sizeBytes })))).toBe(sha256(large))
})

test('a Retry-After of the store is passed on instead of waited for', async () => {
  link.fails({ request: /^PUT /, kind: { ...busy, retryAfterSeconds: 30 } })
  const begun = performance.now()

  const receiving = store.receive('quarantine/wait', streamOf(small), { nonce: 'n' })

  await expect(receiving).rejects.toMatchObject({ name: 'StoreUnavailable', retryAfterSeconds: 30 })
  expect(performance.now() - begun).toBeLessThan(3000)
})
