import { migrate } from '@airlock/database'
import { privateServer, waitFor } from '@airlock/testkit'
import { Redis } from 'ioredis'
import { Client as Postgres } from 'pg'
import { expect, test } from 'vitest'
import { acceptedIds, Client, photo, startGateway } from '../gateway.ts'

async function timed<T>(what: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const started = performance.now()
  const result = await what()
  return { result, ms: performance.now() - started }
}

test('with Redis out of memory, uploads are accepted, jobs are correct, and jobs are enqueued again afterwards', {
  timeout: 60_000,
}, async () => {
  const server = await privateServer('redis')
  const gateway = await startGateway({ redisUrl: server.address.url })
  const redis = new Redis(server.address.url)
  try {
    const client = new Client(gateway.url)
    await redis.config('SET', 'maxmemory', '1')
    await expect(redis.set('a', 'b')).rejects.toThrow(/OOM/)

    const first = await timed(async () => client.pictures(await photo()))
    expect(first.result.status).toBe(202)
    expect(first.ms).toBeLessThan(5000)
    const [id = ''] = acceptedIds(first.result)
    expect(await client.get(`/api/jobs/${id}`)).toMatchObject({ status: 200, body: { status: 'queued', progress: 0 } })
    const second = await timed(async () => client.pictures(await photo()))
    expect(second.result.status).toBe(202)
    expect(second.ms).toBeLessThan(2000)
    expect(gateway.log.filter(({ msg }) => msg === 'upload not enqueued, the sweeper retries')).toHaveLength(2)

    await redis.config('SET', 'maxmemory', '0')
    const woken = async () => acceptedIds(await client.pictures(await photo()))[0] ?? ''
    const later = await woken()
    await expect.poll(async () => redis.exists(`${gateway.servers.queues.prefix}:airlock-images:${later}`)).toBe(1)
    // as the sweeper does
    await gateway.jobQueue.ensureEnqueued('images', { uploadId: id })
    expect(await redis.exists(`${gateway.servers.queues.prefix}:airlock-images:${id}`)).toBe(1)
  } finally {
    redis.disconnect()
    await gateway.close()
    await server.drop()
  }
})

/** Takes all connections of a server, including the gateway's and those reserved for superusers. @returns a function that releases them */
async function takeAllConnections(url: string): Promise<() => Promise<void>> {
  const held: Postgres[] = []
  const takeWhatIsLeft = async () => {
    for (let left = true; left; ) {
      const one = new Postgres({ connectionString: url })
      one.on('error', () => {})
      left = await one.connect().then(
        () => held.push(one) > 0,
        () => false,
      )
    }
  }
  await takeWhatIsLeft()
  await held[0]?.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gateway-test'`)
  await takeWhatIsLeft()
  return async () => {
    await Promise.all(held.map((one) => one.end()))
  }
}

test('without a free connection to Postgres: 503 in bounded time, later at once, and automatic recovery', {
  meta: { id: 'postgres-out-of-connections' },
  timeout: 90_000,
}, async () => {
  const server = await privateServer('postgres')
  await migrate({ url: server.address.url, log: { info: () => {}, warn: () => {} } })
  const gateway = await startGateway({ databaseUrl: server.address.url })
  try {
    const client = new Client(gateway.url)
    const small = await photo()
    const path = `/api/jobs/${acceptedIds(await client.pictures(small))[0]}`
    const giveBack = await takeAllConnections(server.address.url)

    const first = await timed(() => client.get(path))
    expect(first.result).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    expect(first.ms).toBeLessThan(5000)
    // Postgres is not called, so there is nothing to wait for
    const before = { ...gateway.asked }
    const later = await client.pictures(small)
    expect(later).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    expect(later.headers.get('retry-after')).toBe('5')
    expect(gateway.asked).toEqual(before)

    await giveBack()
    await waitFor(async () => (await client.get(path)).status === 200, { what: 'the job to answer', timeoutMs: 20_000 })
    expect((await client.pictures(small)).status).toBe(202)
  } finally {
    await gateway.close()
    await server.drop()
  }
})

test('with a read-only Postgres, as after a failover: uploads get 503, and recovery is automatic', {
  meta: { id: 'postgres-read-only' },
  timeout: 90_000,
}, async () => {
  const server = await privateServer('postgres')
  await migrate({ url: server.address.url, log: { info: () => {}, warn: () => {} } })
  const gateway = await startGateway({ databaseUrl: server.address.url })
  const operator = new Postgres({ connectionString: server.address.url, options: '-c default_transaction_read_only=off' })
  await operator.connect()
  const readOnly = async (value: 'on' | 'off') => {
    await operator.query(`alter system set default_transaction_read_only = ${value}`)
    await operator.query('select pg_reload_conf()')
  }
  try {
    const client = new Client(gateway.url)
    const small = await photo()
    const answers = async (status: number) => {
      const answer = await client.pictures(small)
      expect([202, 503]).toContain(answer.status)
      return answer.status === status ? answer : null
    }
    await answers(202)

    await readOnly('on')
    const refused = await waitFor(() => answers(503), { what: 'sessions to be read-only', timeoutMs: 20_000 })
    expect(refused).toMatchObject({ body: { code: 'database_unavailable' } })
    const { rows } = await operator.query('select count(*) from uploads')
    for (let time = 0; time < 3; time += 1) expect(await answers(503)).not.toBeNull()
    expect((await operator.query('select count(*) from uploads')).rows).toEqual(rows)

    await readOnly('off')
    await waitFor(() => answers(202), { what: 'an upload to be accepted again', timeoutMs: 20_000 })
  } finally {
    await operator.end()
    await gateway.close()
    await server.drop()
  }
})
