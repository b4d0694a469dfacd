import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { gatewayClient } from '../../src/http.ts'

type Answer = { status?: number; body: unknown }

let server: Server | undefined

afterEach(() => new Promise((closed) => server?.close(closed)))

/** A gateway with a list of responses for each path, at `http://here`. */
async function gatewaySaying(answers: Record<string, Answer[]>, { jobTimeoutMs = 15_000 } = {}) {
  const asked: string[] = []
  server = createServer((request, response) => {
    const { method, url = '', headers } = request
    asked.push(`${method} ${url} ${headers.authorization}`)
    request.resume().on('end', () => {
      const next = answers[url] ?? []
      const { status = 200, body } = (next.length > 1 ? next.shift() : next[0]) ?? { status: 404, body: 'no such path' }
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const type = typeof body === 'string' ? 'text/plain' : 'application/json'
      response.writeHead(status, { 'content-type': type }).end(text.replaceAll('http://here', `http://${headers.host}`))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = gatewayClient({ baseUrl, token: 't', signal: AbortSignal.timeout(20_000), jobTimeoutMs })
  return { client, asked }
}

const file = { name: 'a.png', mediaType: 'image/png', bytes: new Uint8Array(3), fields: { asset_type: 'brand_image' } }

const accepted: Answer = { status: 202, body: { uploads: [{ job_id: 'j', status_url: '/api/jobs/j' }], rejected: [] } }

test('a job is followed until it is completed', async () => {
  const { client, asked } = await gatewaySaying({
    '/api/upload': [accepted],
    '/api/jobs/j': [
      { body: { status: 'queued', asset_id: null, error: null } },
      { body: { status: 'processing', asset_id: null, error: null } },
      { body: { status: 'completed', asset_id: 'a', error: null } },
    ],
  })

  expect(await client.send(file)).toEqual({ status: 'completed', assetId: 'a' })
  expect(asked).toEqual(['POST /api/upload Bearer t', ...Array(3).fill('GET /api/jobs/j Bearer t')])
})

test('a rejected job has its reason', async () => {
  const error = { code: 'file_corrupt', error: 'File is damaged', detail: 'It ends too early.' }
  const { client } = await gatewaySaying({
    '/api/upload': [accepted],
    '/api/jobs/j': [{ body: { status: 'rejected', asset_id: null, error } }],
  })

  expect(await client.send(file)).toEqual({ status: 'rejected', code: 'file_corrupt', detail: 'It ends too early.' })
})

test('a job that never ends is given up', async () => {
  const answers = { '/api/upload': [accepted], '/api/jobs/j': [{ body: { status: 'queued', asset_id: null, error: null } }] }
  const { client } = await gatewaySaying(answers, { jobTimeoutMs: 300 })

  expect(await client.send(file)).toMatchObject({ status: 'failed', code: 'no_end' })
})

test.each([
  ['in the list of rejected files', { code: 'no_files', rejected: [{ code: 'empty_file', detail: 'd' }] }, 'empty_file'],
  ['as the error of the request', { code: 'file_limit_reached', detail: 'd' }, 'file_limit_reached'],
  ['without a code', {}, 'no_code'],
])('a refusal %s is reported', async (_, body, code) => {
  const { client } = await gatewaySaying({ '/api/upload': [{ status: 400, body }] })

  expect(await client.send(file)).toMatchObject({ status: 'refused', code })
})

test('an asset is fetched through its presigned URL, without our token', async () => {
  const { client, asked } = await gatewaySaying({
    '/api/assets/a/presigned': [
      { body: { s3_url: 's3://bucket/brand-images/u/1_a.png', presigned_url: 'http://here/bucket/brand-images/u/1_a.png?sig=1' } },
    ],
    '/bucket/brand-images/u/1_a.png?sig=1': [{ body: 'the bytes' }],
  })

  const { key, bytes } = await client.download('a')

  expect(key).toBe('brand-images/u/1_a.png')
  expect(Buffer.from(bytes).toString()).toBe('the bytes')
  expect(asked.at(-1)).toBe('GET /bucket/brand-images/u/1_a.png?sig=1 undefined')
})

test('an answer that is none is an error with its words', async () => {
  const { client } = await gatewaySaying({
    '/api/upload': [accepted],
    '/api/jobs/j': [{ status: 500, body: 'broken' }],
  })

  await expect(client.send(file)).rejects.toThrow(/\/api\/jobs\/j answered 500: broken/)
  await expect(client.download('a')).rejects.toThrow(/presigned answered 404/)
})
