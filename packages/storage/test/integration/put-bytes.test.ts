import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MiB } from '@airlock/domain'
import { type ObjectStore, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import { FaultyLink, givenStack, isolatedBucket } from '@airlock/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

/** A store of this test, with the requests that it got. */
async function storeThat(answer: (request: IncomingMessage, response: ServerResponse) => void, options: Partial<S3StoreOptions> = {}) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      requests.push(request)
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const address = { bucket: 'b-1', endpoint, accessKeyId: 'a', secretAccessKey: 'b', region: 'us-east-1' }
  const store = s3ObjectStore({ ...optionsFor(address as never), callTimeoutMs: 5000, ...options })
  onTestFinished(async () => {
    store.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { store, requests }
}

const isOfSdk = ({ headers }: IncomingMessage): boolean => headers['user-agent']?.includes('aws-sdk') === true
const putsOf = (requests: IncomingMessage[]) =>
  requests.filter(({ method }) => method === 'PUT').map((put) => (isOfSdk(put) ? 'SDK' : 'ours'))
const put = (store: ObjectStore, key: string) => store.receive(key, streamOf(someBytes(1000)), { nonce: 'n' })

test('the first attempt of each put is accepted by the store', async () => {
  const bucket = await isolatedBucket()
  const link = new FaultyLink(givenStack().s3.endpoint)
  const store = s3ObjectStore(optionsFor({ ...bucket, endpoint: await link.open() }))
  try {
    for (const bytes of [someBytes(0), someBytes(1000), someBytes(12 * MiB)]) {
      const received = await store.receive(`quarantine/${bytes.byteLength}`, streamOf(bytes), { nonce: 'of this test' })
      expect(sha256(await bytesOf(store.source(`quarantine/${bytes.byteLength}`, received)))).toBe(sha256(bytes))
      expect(await store.head(`quarantine/${bytes.byteLength}`)).toMatchObject({ metadata: { nonce: 'of this test' } })
    }
    expect(link.requests.filter((line) => line.startsWith('PUT'))).toHaveLength(1 + 1 + 3)
  } finally {
    store.close()
    await link.close()
    await bucket.drop()
  }
})

test('a put states type, checksum, encryption and metadata', async () => {
  const { store, requests } = await storeThat((_, response) => response.setHeader('etag', '"e"').end(), {
    encryption: 'aws:kms',
    kmsKeyId: 'key-1',
    checksums: 'when_supported',
  })

  expect(await put(store, 'k')).toEqual({ etag: '"e"', sizeBytes: 1000 })

  expect(putsOf(requests)).toEqual(['ours'])
  expect(requests[0]?.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-length': '1000',
    'x-amz-checksum-crc32': expect.stringMatching(/^[\w+/]{6}==$/),
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    'x-amz-meta-nonce': 'n',
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
  })
})

test('without checksums none is sent', async () => {
  const { store, requests } = await storeThat((_, response) => response.setHeader('etag', '"e"').end(), { checksums: 'when_required' })
  await put(store, 'k')
  expect(Object.keys(requests[0]?.headers ?? {}).filter((name) => /checksum/.test(name))).toEqual([])
})

test('a store that accepts puts of the SDK only gets no others after three', async () => {
  const { store, requests } = await storeThat((request, response) => {
    if (request.method === 'PUT' && !isOfSdk(request)) response.writeHead(403).end()
    else response.setHeader('etag', '"e"').end()
  })

  for (let n = 0; n < 5; n++) expect(await put(store, `k${n}`)).toMatchObject({ etag: '"e"' })

  expect(putsOf(requests)).toEqual(['ours', 'SDK', 'ours', 'SDK', 'ours', 'SDK', 'SDK', 'SDK'])
})

test('a put that is aborted or too slow ends, with the reason, and without further attempts', async () => {
  const { store, requests } = await storeThat(() => {}, { callTimeoutMs: 300 })
  await expect(put(store, 'slow')).rejects.toMatchObject({ name: 'StoreUnavailable', message: 'PutObject: no answer within 300 ms' })

  const aborting = new AbortController()
  const receiving = store.receive('aborted', streamOf(someBytes(1000)), { nonce: 'n', signal: aborting.signal })
  await expect.poll(() => requests.some(({ url }) => url?.includes('aborted'))).toBe(true)
  aborting.abort(new Error('the client left'))
  await expect(receiving).rejects.toThrow('the client left')
  expect(putsOf(requests)).toEqual(['ours', 'ours'])
})
