import { migrate } from '@airlock/database'
import { defaultSizeLimits, MiB } from '@airlock/domain'
import { s3ObjectStore } from '@airlock/storage'
import { isolatedBucket, privateServer } from '@airlock/testkit'
import { storeOptions } from '@airlock/testkit/airlock'
import { expect, test } from 'vitest'
import { acceptedIds, answerOf, Client, padded, photo, scene, startGateway } from '../gateway.ts'

const project = '0190a000-0000-7000-8000-000000000001'

test('S3 stops during an upload: 503 with Retry-After, nothing accepted, the file refunded, and recovery', async () => {
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

test('S3 stops responding during an upload: 503 at the timeout of the call, and the file is refunded', {
  meta: { id: 'store-hangs-mid-upload' },
  timeout: 90_000,
}, async () => {
  const server = await privateServer('s3')
  const bucket = await isolatedBucket(server.address)
  const callTimeoutMs = 8000
  const gateway = await startGateway({ store: s3ObjectStore({ ...storeOptions(bucket), callTimeoutMs }) })
  try {
    const client = new Client(gateway.url)
    const { bytes } = await scene()
    let frozenAt = 0
    const sending = slowly(padded(bytes, 60 * MiB), async (sent) => {
      if (sent !== 20 * MiB) return
      await server.pause()
      frozenAt = performance.now()
    })
    const form = multipart(sending, { asset_type: 'generated_video', project_id: project })

    const sent = fetch(`${gateway.url}/api/upload`, {
      method: 'POST',
      headers: { ...(await client.headers()), 'content-type': form.type },
      body: form.body,
      duplex: 'half',
    }).then(answerOf)
    // meanwhile other uploads fail without waiting
    await expect.poll(() => gateway.log.map(({ msg }) => msg), { timeout: 10_000 }).toContain('server unavailable')
    expect((await timed(async () => new Client(gateway.url).pictures(await photo()))).ms).toBeLessThan(1000)

    const answer = await sent
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
    expect(performance.now() - frozenAt).toBeGreaterThan(callTimeoutMs - 1000)
    await expect
      .poll(async () => (await gateway.uploads(client.id)).at(-1))
      .toMatchObject({ state: 'abandoned', error_code: 'storage_unavailable', counted: false })
    await server.resume()
  } finally {
    await gateway.close()
    await server.drop()
  }
})

test.for(['stopped', 'frozen'] as const)(
  'S3 %s: the first upload fails in bounded time, later ones at once without reading bodies, and recovery is automatic',
  { meta: { id: 'store-unavailable-for-uploads' }, timeout: 90_000 },
  async (how) => {
    const server = await privateServer('s3')
    const bucket = await isolatedBucket(server.address)
    const store = s3ObjectStore({ ...storeOptions(bucket), callTimeoutMs: 3000 })
    const gateway = await startGateway({ store })
    try {
      const client = new Client(gateway.url)
      const small = await photo()
      expect((await client.pictures(small)).status).toBe(202)
      const unavailable = { status: 503, body: { code: 'storage_unavailable' } }
      await (how === 'stopped' ? server.stop() : server.pause())

      const first = await timed(() => client.pictures(small))
      expect(first.result).toMatchObject(unavailable)
      expect(first.ms).toBeLessThan(12_000) // the timeout of the call, and as much again for its HEAD and the cleanup
      // the server is not called, so there is nothing to wait for
      const { s3 } = gateway.asked
      const later = await client.pictures(small)
      expect(later).toMatchObject(unavailable)
      expect(later.headers.get('retry-after')).toBe('5')
      expect(gateway.asked.s3).toBe(s3)

      let offered = 0
      const film = multipart(
        slowly(new Uint8Array(100 * MiB), async (sent) => {
          offered = sent
        }),
        { asset_type: 'generated_video', project_id: project },
      )
      const large = await fetch(`${gateway.url}/api/upload`, {
        method: 'POST',
        headers: { ...(await client.headers()), 'content-type': film.type },
        body: film.body,
        duplex: 'half',
      }).then(
        ({ status }) => status,
        () => 'cut off',
      )
      expect(large).toBe(503)
      expect(gateway.asked.s3).toBe(s3)
      expect(offered).toBeLessThan(20 * MiB)

      // requests that need no store still work
      expect((await client.get(`/api/jobs/${project}`)).status).toBe(404)

      await (how === 'stopped' ? server.start() : server.resume())
      await expect.poll(async () => (await client.pictures(small)).status, { timeout: 20_000 }).toBe(202)
    } finally {
      await gateway.close()
      await server.drop()
    }
  },
)

test.for(['stopped', 'frozen'] as const)(
  'Postgres %s: the first request fails in bounded time, later ones at once, and recovery is automatic',
  {
    timeout: 90_000,
  },
  async (how) => {
    const server = await privateServer('postgres')
    await migrate({ url: server.address.url, log: { info: () => {}, warn: () => {} } })
    const gateway = await startGateway({ databaseUrl: server.address.url })
    try {
      const client = new Client(gateway.url)
      const small = await photo()
      const path = `/api/jobs/${acceptedIds(await client.pictures(small))[0]}`
      expect((await client.get(path)).status).toBe(200)
      const unavailable = { status: 503, body: { code: 'database_unavailable' } }
      const waiting = client.picturesWaiting('wait=25', small)
      await expect.poll(() => gateway.log.filter(({ msg }) => msg === 'upload accepted').length).toBe(2)
      await (how === 'stopped' ? server.stop() : server.pause())

      const first = await timed(() => client.get(path))
      expect(first.result).toMatchObject(unavailable)
      expect(first.ms).toBeLessThan(5000)
      // accepted uploads are still readable
      expect(await waiting).toMatchObject({ status: 202, body: { uploads: [{ status: 'queued' }] } })
      for (const again of [() => client.get(path), () => client.pictures(small)]) {
        // the server is not called, so there is nothing to wait for
        const before = { ...gateway.asked }
        const later = await again()
        expect(later).toMatchObject(unavailable)
        expect(later.headers.get('retry-after')).toBe('5')
        expect(gateway.asked).toEqual(before)
      }

      await (how === 'stopped' ? server.start() : server.resume())
      await expect.poll(async () => (await client.get(path)).status, { timeout: 20_000 }).toBe(200)
      expect((await client.pictures(small)).status).toBe(202)
    } finally {
      await gateway.close()
      await server.drop()
    }
  },
)

test.for(['stopped', 'frozen'] as const)(
  'Redis %s: uploads, jobs and assets work without delay',
  { meta: { id: 'gateway-redis-unavailable' }, timeout: 90_000 },
  async (how) => {
    const server = await privateServer('redis')
    const gateway = await startGateway({ redisUrl: server.address.url, filesPerHour: 4 })
    try {
      const client = new Client(gateway.url)
      const small = await photo()
      const [uploadId = ''] = acceptedIds(await client.pictures(small))
      await gateway.promotes(uploadId)
      await (how === 'stopped' ? server.stop() : server.pause())

      const first = await timed(() => client.pictures(small))
      expect(first.result.status).toBe(202)
      expect(first.ms).toBeLessThan(5000)
      const second = await timed(() => client.pictures(small))
      expect(second.result.status).toBe(202)
      expect(second.ms).toBeLessThan(1000)
      const job = await timed(() => client.get(`/api/jobs/${uploadId}`))
      expect(job.result).toMatchObject({ status: 200, body: { status: 'completed' } })
      expect((await client.get(`/api/assets/${job.result.body.asset_id}/presigned`)).status).toBe(200)

      // Postgres alone counts, and exactly
      expect((await client.pictures(small, small)).body.rejected).toMatchObject([{ index: 1, code: 'file_limit_reached' }])
    } finally {
      await gateway.close()
      await server.drop()
    }
  },
)

async function timed<T>(what: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const started = performance.now()
  const result = await what()
  return { result, ms: performance.now() - started }
}

test('all servers available: healthy and ready, with metrics', async () => {
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

    gateway.gateway.shutdown.notReady()
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(503)
  } finally {
    await gateway.close()
  }
})

/** Yields bytes in pieces of 1 MiB, and calls back before each. */
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
