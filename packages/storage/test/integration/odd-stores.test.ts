import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KiB, MiB } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, type S3StoreOptions, s3ObjectStore } from '@airlock/storage'
import type { IsolatedBucket } from '@airlock/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { someBytes, streamOf } from '../contract/bytes.ts'
import { optionsFor } from '../contract/store-under-test.ts'

/** Simulates responses that the stores of our tests never give, but others may. */
async function storeThat(
  answers: (request: IncomingMessage, response: ServerResponse) => void,
  encryption: S3StoreOptions['encryption'] = 'none',
) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    request.resume().on('end', () => answers(request, response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const bucket = { bucket: 'b-1', endpoint, region: 'us-east-1', accessKeyId: 'a', secretAccessKey: 's' } as IsolatedBucket
  const store = s3ObjectStore({ ...optionsFor(bucket), encryption, callTimeoutMs: 2_000 })
  onTestFinished(async () => {
    store.close()
    server.close()
    await once(server, 'close')
  })
  return { store, requests }
}

const etag = '"e1"'
const xmlError = (response: ServerResponse, status: number, code: string) =>
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`)

const pinned = { etag, sizeBytes: 100 }

test('a store that ignores If-Match is detected by the ETag of its response', async () => {
  const { store } = await storeThat((_, response) =>
    response.writeHead(206, { etag: '"e2"', 'content-range': 'bytes 0-99/100' }).end('0123456789'.repeat(10)),
  )

  await expect(store.source('k', pinned).read(0, 10)).rejects.toThrow(ObjectChanged)
})

test.for([
  { what: 'sends a Content-Length', headers: { 'content-length': String(2 * MiB) } },
  { what: 'does not', headers: {} },
])('a store that ignores ranges and $what is not read beyond the range', async ({ headers }) => {
  const { store } = await storeThat((_, response) => response.writeHead(200, { etag, ...headers }).end(Buffer.alloc(2 * MiB)))

  await expect(store.source('k', { etag, sizeBytes: 2 * MiB }).read(0, 10)).rejects.toMatchObject({
    name: 'StoreFailure',
    code: 'RangeIgnored',
  })
})

test('a body that ends too soon without an error is an unavailable store', async () => {
  const { store, requests } = await storeThat((_, response) =>
    response.writeHead(206, { etag, 'content-range': 'bytes 0-99/100', 'transfer-encoding': 'chunked' }).end('012'),
  )

  await expect(store.source('k', pinned).read(0, 10)).rejects.toThrow('GetObject: 3 bytes of 100')
  expect(requests).toHaveLength(4)
})

const headOf = (size: number, more: Record<string, string> = {}) => ({
  etag,
  'content-length': String(size),
  'x-amz-meta-upload_id': 'u1',
  ...more,
})
const copying = {
  ifEtag: etag,
  sizeBytes: 10,
  headers: { contentType: 'image/png', cacheControl: 'no-cache', metadata: { upload_id: 'u1' } },
}

test("for a store that can't copy, the bytes are read and written", async () => {
  const { store, requests } = await storeThat((request, response) => {
    if (request.headers['x-amz-copy-source']) xmlError(response, 501, 'NotImplemented')
    else if (request.method === 'GET')
      response.writeHead(206, { etag, 'content-range': 'bytes 0-9/10', 'content-length': '10' }).end('0123456789')
    else response.writeHead(200, headOf(request.method === 'HEAD' ? 10 : 0)).end()
  })

  expect(await store.copyToFinal('q/1', 'f/1', copying)).toEqual({ etag })
  expect(requests.map((line) => line.split('?')[0])).toEqual(['PUT /b-1/f/1', 'GET /b-1/q/1', 'PUT /b-1/f/1', 'HEAD /b-1/f/1'])
})

test('a copy with another size than its source is refused', async () => {
  const { store } = await storeThat((request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, headOf(9)).end()
    else response.end('<CopyObjectResult><ETag>"e1"</ETag></CopyObjectResult>')
  })

  await expect(store.copyToFinal('q/1', 'f/1', copying)).rejects.toMatchObject({ name: 'StoreFailure', code: 'CopyDiffers' })
})

test('a store that does not encrypt as requested is detected', async () => {
  const { store } = await storeThat((request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, headOf(10)).end()
    else response.end('<CopyObjectResult><ETag>"e1"</ETag></CopyObjectResult>')
  }, 'AES256')

  await expect(store.copyToFinal('q/1', 'f/1', copying)).rejects.toThrow("encryption is 'none', not 'AES256'")
})

const copyResult = '<CopyObjectResult><ETag>"e1"</ETag></CopyObjectResult>'
const encrypted = { 'x-amz-server-side-encryption': 'AES256' }

test.for([
  { store: 'S3', result: copyResult },
  { store: 'SeaweedFS, whose ETag has no quotes', result: copyResult.replaceAll('"', '') },
])('a copy in $store needs no HEAD after the first one that was as requested, for a minute', async ({ result }) => {
  const { store, requests } = await storeThat((request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, headOf(10, encrypted)).end()
    else response.end(result)
  }, 'AES256')
  const heads = () => requests.filter((line) => line.startsWith('HEAD')).length

  await store.copyToFinal('q/1', 'f/1', copying)
  expect(heads()).toBe(1)
  expect(await store.copyToFinal('q/2', 'f/2', copying)).toEqual({ etag })
  expect(heads()).toBe(1)

  const now = performance.now()
  onTestFinished(vi.spyOn(performance, 'now').mockImplementation(() => now + 60_001).mockRestore)
  await store.copyToFinal('q/3', 'f/3', copying)
  expect(heads()).toBe(2)
})

test('a store that stops encrypting is noticed by the next HEAD, and then each copy is checked until one is encrypted', async () => {
  let stored: Record<string, string> = encrypted
  const { store } = await storeThat((request, response) => {
    if (request.method === 'HEAD') response.writeHead(200, headOf(10, stored)).end()
    else response.end(copyResult)
  }, 'AES256')
  await store.copyToFinal('q/1', 'f/1', copying)
  stored = {}
  const now = performance.now()
  onTestFinished(vi.spyOn(performance, 'now').mockImplementation(() => now + 60_001).mockRestore)

  for (const key of ['f/2', 'f/3']) await expect(store.copyToFinal('q/2', key, copying)).rejects.toMatchObject({ code: 'CopyDiffers' })

  stored = encrypted
  expect(await store.copyToFinal('q/2', 'f/4', copying)).toEqual({ etag })
})

test.for([
  { what: 'states another encryption', result: copyResult, headers: { 'x-amz-server-side-encryption': 'aws:kms' }, heads: 1 },
  { what: 'has no ETag', result: '<CopyObjectResult></CopyObjectResult>', headers: {}, heads: 2 },
])('an answer to a copy that $what is not believed', async ({ result, headers, heads }) => {
  let answer: { result: string; headers: Record<string, string> } = { result: copyResult, headers: {} }
  const { store, requests } = await storeThat((request, response) => {
    if (request.method === 'HEAD')
      response.writeHead(200, headOf(9, { ...encrypted, 'content-length': answer.result === copyResult ? '10' : '9' })).end()
    else response.writeHead(200, answer.headers).end(answer.result)
  }, 'AES256')
  await store.copyToFinal('q/1', 'f/1', copying)
  answer = { result, headers }

  await expect(store.copyToFinal('q/2', 'f/2', copying)).rejects.toMatchObject({ code: 'CopyDiffers' })
  expect(requests.filter((line) => line.startsWith('HEAD'))).toHaveLength(heads)
})

test('an object that fits one read is requested once, and again after a failure', async () => {
  let missing = true
  const { store, requests } = await storeThat((request, response) => {
    if (request.method === 'HEAD') response.writeHead(request.url === '/b-1/k' ? 404 : 200).end()
    else if (missing) xmlError(response, 404, 'NoSuchKey')
    else response.writeHead(206, { etag, 'content-range': 'bytes 0-99/100' }).end('0123456789'.repeat(10))
  })
  const source = store.source('k', pinned)
  await expect(source.read(0, 10)).rejects.toThrow(ObjectMissing)
  missing = false
  requests.length = 0

  const [head, tail] = await Promise.all([source.read(0, 10), source.read(95, 10)])

  expect([Buffer.from(head).toString(), Buffer.from(tail).toString()]).toEqual(['0123456789', '56789'])
  expect(requests).toHaveLength(1)
})

test.for(['aws:kms', 'aws:kms:dsse'])('encryption %s counts as KMS', async (header) => {
  const { store } = await storeThat((_, response) => response.writeHead(200, headOf(10, { 'x-amz-server-side-encryption': header })).end())

  expect(await store.head('k')).toMatchObject({ encryption: 'aws:kms' })
})

test('a multipart upload without an id is an error', async () => {
  const { store } = await storeThat((request, response) => {
    if (request.method === 'POST') response.end('<InitiateMultipartUploadResult></InitiateMultipartUploadResult>')
    else response.end('<ListMultipartUploadsResult></ListMultipartUploadsResult>')
  })

  await expect(store.receive('k', streamOf(someBytes(6 * MiB)), { nonce: 'n' })).rejects.toMatchObject({ code: 'NoUploadId' })
})

test('the list of open multipart uploads is read page by page', async () => {
  const pages = [
    '<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker><Upload><Key>k</Key><UploadId>1</UploadId></Upload>',
    '<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker><Upload><Key>k</Key><UploadId>2</UploadId></Upload>',
    '<IsTruncated>true</IsTruncated><NextKeyMarker>k2</NextKeyMarker><Upload><Key>k2</Key><UploadId>3</UploadId></Upload>',
    '<Upload><Key>k3</Key><UploadId>4</UploadId></Upload>',
  ]
  const { store, requests } = await storeThat((request, response) => {
    if (request.method === 'DELETE') xmlError(response, 404, 'NoSuchUpload')
    else response.end(`<ListMultipartUploadsResult>${pages.shift()}</ListMultipartUploadsResult>`)
  })

  expect(await store.abandonReceives('k')).toBe(2)
  expect(requests.filter((line) => line.startsWith('GET'))).toHaveLength(3)
  expect(requests.filter((line) => line.startsWith('DELETE'))).toHaveLength(2)
})

test('an endless list of open multipart uploads is an error', async () => {
  const { store, requests } = await storeThat((_, response) =>
    response.end(
      '<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker></ListMultipartUploadsResult>',
    ),
  )

  expect(await store.abandonReceives('k')).toBe(0)
  expect(requests).toHaveLength(10)
})

test('a 404 response to a deletion is a success', async () => {
  const { store } = await storeThat((request, response) => {
    if (request.method === 'DELETE') xmlError(response, 404, 'NoSuchKey')
    else response.end()
  })

  await expect(store.purge('k')).resolves.toBeUndefined()
})

test('a busy store is tried four times', async () => {
  const { store, requests } = await storeThat((request, response) => {
    if (request.method === 'PUT') xmlError(response, 500, 'InternalError')
    else response.writeHead(request.method === 'HEAD' && request.url?.startsWith('/b-1/k') ? 404 : 204).end()
  })

  await expect(store.receive('k', streamOf(someBytes(10 * KiB)), { nonce: 'n' })).rejects.toThrow('PutObject: InternalError (500)')
  expect(requests.filter((line) => line.startsWith('PUT'))).toHaveLength(4)
  expect(requests.at(-1)).toMatch(/^DELETE \/b-1\/k/)
})
