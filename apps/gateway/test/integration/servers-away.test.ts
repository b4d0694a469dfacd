import { defaultSizeLimits, MiB } from '@airlock/domain'
import { isolatedBucket, privateServer } from '@airlock/stack/testing'
import { s3ObjectStore } from '@airlock/storage'
import { expect, test } from 'vitest'
import { answerOf, Client, padded, photo, scene, startGateway, storeOptions } from '../gateway.ts'

const project = '0190a000-0000-7000-8000-000000000001'

test('S3 stops in the middle of an upload: 503 with Retry-After, nothing accepted, the file given back, and later it works again', async () => {
  const server = await privateServer('s3')
  const bucket = await isolatedBucket(server.address)
  const store = s3ObjectStore({ ...storeOptions(bucket), callTimeoutMs: 2000 })
  const gateway = await startGateway({ store, sizeLimits: defaultSizeLimits })
  try {
    const client = new Client(gateway.url)
    expect((await client.pictures(await photo())).status).toBe(202)
    const { bytes } = await scene()
    let stopped: Promise<void> | undefined
    const sending = slowly(padded(bytes, 40 * MiB), async (sent) => {
      if (sent !== 20 * MiB) return
      stopped = server.stop()
      await stopped
    })
    const form = multipart(sending, { asset_type: 'generated_video', project_id: project })

    const answer = await answerOf(
      await fetch(`${gateway.url}/api/upload`, {
        method: 'POST',
        headers: { ...(await client.headers()), 'content-type': form.type },
        body: form.body,
        duplex: 'half',
      }),
    )

    await stopped
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(JSON.stringify(answer.body)).not.toMatch(/ECONN|socket|AWS|S3/)
    await expect
      .poll(async () => (await gateway.uploads(client.id)).at(-1))
      .toMatchObject({ state: 'abandoned', error_code: 'storage_unavailable', counted: false })

    const health = await answerOf(await fetch(`${gateway.url}/api/health`))
    expect(health).toMatchObject({
      status: 200,
      body: { status: 'degraded', dependencies: { s3: { status: 'unavailable' }, database: { status: 'connected' } } },
    })
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${gateway.url}/health/live`)).status).toBe(200)

    await server.start()
    await expect.poll(async () => (await client.pictures(await photo())).status, { timeout: 20_000 }).toBe(202)
  } finally {
    await gateway.close()
    await server.drop()
  }
}, 90_000)

test('all servers there: healthy and ready, with figures', async () => {
  const gateway = await startGateway()
  try {
    const health = await answerOf(await fetch(`${gateway.url}/api/health`))
    expect(health.body).toEqual({
      status: 'ok',
      dependencies: Object.fromEntries(
        ['database', 'redis', 's3'].map((name) => [name, { status: 'connected', latency_ms: expect.any(Number) }]),
      ),
    })
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200)
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('airlock_http_request_seconds_count')

    gateway.gateway.drain()
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503)
  } finally {
    await gateway.close()
  }
})

/** Bytes in pieces of 1 MiB, with a look at each. */
async function* slowly(bytes: Uint8Array, look: (sent: number) => Promise<void>): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < bytes.byteLength; sent += MiB) {
    await look(sent)
    yield bytes.subarray(sent, sent + MiB)
  }
}

function multipart(file: AsyncIterable<Uint8Array>, fields: Record<string, string>) {
  async function* parts(): AsyncGenerator<Uint8Array> {
    for (const [name, value] of Object.entries(fields))
      yield Buffer.from(`--cut\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
    yield Buffer.from('--cut\r\nContent-Disposition: form-data; name="files"; filename="film.mp4"\r\nContent-Type: video/mp4\r\n\r\n')
    yield* file
    yield Buffer.from('\r\n--cut--\r\n')
  }
  return { type: 'multipart/form-data; boundary=cut', body: ReadableStream.from(parts()) }
}
