import { setTimeout as sleep } from 'node:timers/promises'
import { MiB } from '@airlock/domain'
import { type Leftover, type ObjectStore, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { FaultyLink, givenStack, type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

/** Four parts. */
const large = someBytes(17 * MiB)
const callTimeoutMs = 5_000
const headers = { contentType: 'video/mp4', cacheControl: 'no-cache', metadata: { upload_id: 'u1' } }

const link = new FaultyLink(givenStack().s3.endpoint)
let bucket: IsolatedBucket
let store: ObjectStore
let leftovers: Leftover[] = []
let copying: { ifEtag: string; sizeBytes: number; headers: typeof headers }

beforeAll(async () => {
  bucket = await isolatedBucket()
  store = s3ObjectStore({
    ...optionsFor({ ...bucket, endpoint: await link.open() }),
    serverSideCopy: false,
    callTimeoutMs,
    onLeftover: (leftover) => leftovers.push(leftover),
  })
  const { etag, sizeBytes } = await store.receive('quarantine/scene', streamOf(large), { nonce: 'n' })
  copying = { ifEtag: etag, sizeBytes, headers }
})
beforeEach(() => {
  leftovers = []
  link.fails()
})
afterEach(() => link.fails())
afterAll(async () => {
  store.close()
  await link.close()
  await bucket.drop()
})

const asked = (pattern: RegExp): number => link.requests.filter((line) => pattern.test(line)).length

test('a part whose response was lost is retried', async () => {
  link.fails({ request: /^PUT .*partNumber=2/, kind: 'lost answer', times: 2 })

  await store.copyToFinal('quarantine/scene', 'final/lost-part', copying)

  expect(asked(/partNumber=2/)).toBe(3)
  const pinned = await store.head('final/lost-part')
  expect(sha256(await bytesOf(store.source('final/lost-part', pinned ?? { etag: '', sizeBytes: 0 })))).toBe(sha256(large))
})

test('a part that takes too long is sent again, and finished parts are kept', {
  meta: { id: 'streamed-copy-keeps-parts' },
  timeout: 60_000,
}, async () => {
  link.fails({ request: /^PUT .*partNumber=3/, kind: 'silence', times: 1 })

  await store.copyToFinal('quarantine/scene', 'final/slow-part', copying)

  expect(asked(/^POST .*final\/slow-part\S*uploads/)).toBe(1)
  expect(asked(/^PUT .*partNumber=/)).toBe(5)
  const pinned = await store.head('final/slow-part')
  expect(sha256(await bytesOf(store.source('final/slow-part', pinned ?? { etag: '', sizeBytes: 0 })))).toBe(sha256(large))
})

test('a range that takes too long to read is read again, and finished parts are kept', { timeout: 60_000 }, async () => {
  link.fails({ request: /^GET .*quarantine\/scene/, kind: 'silence', times: 1 })

  await store.copyToFinal('quarantine/scene', 'final/slow-read', copying)

  expect(asked(/^POST .*final\/slow-read\S*uploads/)).toBe(1)
  expect(asked(/^PUT .*partNumber=/)).toBe(4)
  expect(await store.head('final/slow-read')).toMatchObject({ sizeBytes: large.byteLength })
})

test('a part that always fails ends the copy, leaves no open multipart upload, and is the reported error', async () => {
  link.fails({ request: /^PUT .*partNumber=1/, kind: 'lost request' })

  await expect(store.copyToFinal('quarantine/scene', 'final/no-part', copying)).rejects.toThrow(/UploadPart.*/)

  expect(await bucket.openMultipartUploads()).toEqual([])
  expect(await store.head('final/no-part')).toBeNull()
  expect(leftovers).toEqual([])
})

test('a completion that always fails leaves no open multipart upload', async () => {
  link.fails({ request: /^POST .*uploadId/, kind: 'lost request' })

  await expect(store.copyToFinal('quarantine/scene', 'final/not-completed', copying)).rejects.toThrow(StoreUnavailable)

  expect(await bucket.openMultipartUploads()).toEqual([])
})

test('a completion without any response is found at its final key', async () => {
  link.fails({ request: /^POST .*uploadId/, kind: 'lost answer' })

  const copy = await store.copyToFinal('quarantine/scene', 'final/completed', copying)

  expect(await store.head('final/completed')).toMatchObject({ etag: copy.etag, sizeBytes: large.byteLength })
})

test('a multipart upload that could not be aborted is reported', async () => {
  link.fails({ request: /^PUT .*partNumber=1/, kind: 'lost request' }, { request: /^DELETE .*uploadId/, kind: 'lost request' })

  await expect(store.copyToFinal('quarantine/scene', 'final/left', copying)).rejects.toThrow(/UploadPart/)

  expect(leftovers).toEqual([{ key: 'final/left', error: expect.any(StoreUnavailable) }])
  link.fails()
  await store.abandonReceives('final/left')
})

test('an abort signal immediately ends calls without a response, and their multipart upload', async () => {
  const reason = new Error('the lease is lost')
  const stop = new AbortController()
  link.fails({ request: /^PUT .*partNumber=/, kind: 'silence' })
  const copied = store.copyToFinal('quarantine/scene', 'final/stopped', { ...copying, signal: stop.signal })
  copied.catch(() => {})
  while (asked(/partNumber=/) < 3) await sleep(1)
  const asOf = performance.now()

  stop.abort(reason)

  await expect(copied).rejects.toBe(reason)
  expect(performance.now() - asOf).toBeLessThan(callTimeoutMs / 2)
  expect(await bucket.openMultipartUploads()).toEqual([])
  expect(await store.head('final/stopped')).toBeNull()
})
