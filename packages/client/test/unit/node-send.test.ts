import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import type { Progress } from '../../src/node.ts'
import { failureOf, goodRoutes, jobId, problem, test } from '../fake-gateway.ts'

const bytes = randomBytes(3 * 2 ** 20)
const file = () => new File([bytes], 'large.png', { type: 'image/png' })

test('in Node, progress is reported while the bytes are sent, and the job once the file is accepted', async ({ gateway, client }) => {
  const seen: Progress[] = []
  await client().upload(file(), { assetType: 'brand_image', onProgress: (progress) => seen.push(progress) })

  const sent = seen.filter(({ stage }) => stage === 'sending').map(({ sentBytes }) => sentBytes)
  expect(sent.length).toBeGreaterThan(10)
  expect(sent).toEqual(sent.toSorted((a, b) => a - b))
  expect(seen.at(-1)).toEqual({ stage: 'processing', sentBytes: bytes.length, totalBytes: bytes.length, jobId })
  const [{ body, headers }] = gateway.to('POST /api/upload') as [(typeof gateway.requests)[number]]
  expect(headers['content-length']).toBe(String(body.length))
  expect(body.includes(bytes)).toBe(true)
})

test('a response that comes before the body is sent is its answer, and ends the connection', async ({ client }) => {
  let isClosed = false
  const server = createServer((request, response) => {
    request.socket.once('close', () => (isClosed = true))
    request.once('data', () => {
      request.pause()
      response.writeHead(413, { 'content-type': 'application/json' }).end(JSON.stringify(problem('file_too_large')))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const failure = await failureOf(client({ baseUrl }).upload(new File([randomBytes(12 * 2 ** 20)], 'x.png'), { assetType: 'brand_image' }))

  expect(failure).toMatchObject({ code: 'file_too_large', status: 413 })
  await expect.poll(() => isClosed).toBe(true)
  server.close()
})

test('an upload is aborted while its bytes are sent, and repeated when the connection breaks', async ({ gateway, client }) => {
  gateway.routes = { ...goodRoutes, 'POST /api/upload': ['reset', ...goodRoutes['POST /api/upload']] }
  expect(await client().upload(file(), { assetType: 'brand_image' })).toMatchObject({ presigned_url: 'http://store/file' })
  expect(gateway.to('POST /api/upload')).toHaveLength(2)

  gateway.routes = { 'POST /api/upload': ['hang'] }
  const abort = new AbortController()
  const uploading = failureOf(client().upload(file(), { assetType: 'brand_image', signal: abort.signal }))
  await expect.poll(() => gateway.to('POST /api/upload').length).toBe(3)
  abort.abort()
  expect(await uploading).toMatchObject({ code: 'aborted' })
})
