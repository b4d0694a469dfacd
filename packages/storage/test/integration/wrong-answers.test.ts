import { MiB } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type ObjectStore, StoreUnavailable, s3ObjectStore } from '@airlock/storage'
import { FaultyLink, givenStack, type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
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
  store = s3ObjectStore({ ...optionsFor({ ...bucket, endpoint }), callTimeoutMs: 10_000 })
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

const wrong = [
  { answer: '404', kind: { error: 'NoSuchKey', status: 404 } },
  { answer: '412', kind: { error: 'PreconditionFailed', status: 412 } },
] as const

/** The requests of reads and copies. */
const calls = [
  { call: 'GetObject', bytes: small, request: /^GET .*quarantine\// },
  { call: 'CopyObject', bytes: small, request: /^PUT .*final\/\S+ / },
  { call: 'UploadPartCopy', bytes: large, request: /^PUT .*final\/\S+partNumber=2/ },
] as const

describe.for(calls)('a $call', ({ call, bytes, request }) => {
  const from = `quarantine/${call}`
  const uses = async (pinned: { etag: string; sizeBytes: number }, to: string): Promise<string> => {
    if (call === 'GetObject') return sha256(await bytesOf(store.source(from, pinned)))
    const { etag } = await store.copyToFinal(from, to, { ifEtag: pinned.etag, sizeBytes: pinned.sizeBytes, headers })
    return sha256(await bytesOf(store.source(to, { etag, sizeBytes: pinned.sizeBytes })))
  }

  test.for(wrong)(
    'that always gets $answer although the object exists is an unavailable store',
    { meta: { id: 'wrong-answer-always' } },
    async ({ answer, kind }) => {
      const pinned = await store.receive(from, streamOf(bytes), { nonce: 'n' })
      link.fails({ request, kind })
      await expect(uses(pinned, `final/${call}-${answer}-always`)).rejects.toThrow(StoreUnavailable)
    },
  )

  test('that gets this response because the object is missing or replaced reports that', async () => {
    const pinned = await store.receive(from, streamOf(bytes), { nonce: 'n' })
    await store.receive(from, streamOf(someBytes(1000)), { nonce: 'n' })
    await expect(uses(pinned, `final/${call}-changed`)).rejects.toThrow(ObjectChanged)
    await store.purge(from)
    await expect(uses(pinned, `final/${call}-gone`)).rejects.toThrow(ObjectMissing)
  })

  if (call !== 'CopyObject')
    test.for(wrong)('that gets $answer twice by mistake succeeds', { meta: { id: 'wrong-answer-once' } }, async ({ answer, kind }) => {
      const pinned = await store.receive(from, streamOf(bytes), { nonce: 'n' })
      link.fails({ request, kind, times: 2 })
      expect(await uses(pinned, `final/${call}-${answer}-twice`)).toBe(sha256(bytes))
    })
})

test('a HEAD that gets 404 once by mistake finds the object', async () => {
  await store.receive('quarantine/head', streamOf(small), { nonce: 'n' })
  link.fails({ request: /^HEAD .*quarantine\/head/, kind: { error: 'NoSuchKey', status: 404 }, times: 1 })

  expect(await store.head('quarantine/head')).toMatchObject({ sizeBytes: small.byteLength })
})
