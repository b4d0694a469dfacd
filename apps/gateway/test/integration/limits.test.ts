import { givenStack } from '@airlock/testkit'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, test } from 'vitest'
import { acceptedIds, Client, logo, photo, startGateway } from '../gateway.ts'

test('of thirty concurrent files, exactly the limit is accepted, and the 429 has Retry-After', async () => {
  const gateway = await startGateway({ filesPerHour: 10 })
  try {
    const client = new Client(gateway.url)
    const answers = await Promise.all(Array.from({ length: 30 }, async () => client.pictures(await logo())))

    expect(answers.filter(({ status }) => status === 202)).toHaveLength(10)
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(20)
    for (const { body, headers } of refused) {
      expect(body).toMatchObject({ code: 'file_limit_reached', detail: expect.stringContaining('10 files') })
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(3500)
      expect(headers.get('ratelimit-policy')).toBe('"files-per-hour";q=10;w=3600')
    }
    expect(await gateway.uploads(client.id)).toHaveLength(10)
    await gateway.leavesNothing()
  } finally {
    await gateway.close()
  }
})

test('only the file beyond the limit is refused, and other users are not affected', async () => {
  const gateway = await startGateway({ filesPerHour: 2 })
  try {
    const client = new Client(gateway.url)
    const { status, body, headers } = await client.pictures(await photo('a.jpg'), await photo('b.jpg'), await photo('c.jpg'))

    expect(status).toBe(202)
    expect(body.rejected).toMatchObject([{ index: 2, filename: 'c.jpg', code: 'file_limit_reached' }])
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(3500)
    expect(headers.get('ratelimit-policy')).toBe('"files-per-hour";q=2;w=3600')
    expect(headers.get('ratelimit')).toBe(`"files-per-hour";r=0;t=${headers.get('retry-after')}`)
    const mixed = await client.pictures(await photo('d.jpg'), { ...(await photo('e.gif')), type: 'image/gif' })
    expect(mixed).toMatchObject({ status: 400, body: { code: 'files_refused' } })
    expect(Number(mixed.headers.get('retry-after'))).toBeGreaterThan(3500)
    expect((await new Client(gateway.url).pictures(await photo())).status).toBe(202)
  } finally {
    await gateway.close()
  }
})

test('refused files count too, whatever their verdict', async () => {
  const gateway = await startGateway({ filesPerHour: 2 })
  try {
    const client = new Client(gateway.url)
    await client.pictures({ name: 'empty.png', bytes: new Uint8Array() }, { ...(await logo()), name: 'logo.jpg', type: 'image/jpeg' })
    expect(await client.pictures(await photo())).toMatchObject({ status: 429, body: { code: 'file_limit_reached' } })
  } finally {
    await gateway.close()
  }
})

test('emptying Redis does not widen the limit, and it holds on other gateways', { meta: { id: 'redis-flush-keeps-limit' } }, async () => {
  const gateway = await startGateway({ filesPerHour: 2 })
  const other = await startGateway({ filesPerHour: 2 }, gateway)
  const redis = new Redis(givenStack().redis.url)
  try {
    const client = new Client(gateway.url)
    expect(acceptedIds(await client.pictures(await photo(), await photo()))).toHaveLength(2)
    expect(await client.pictures(await photo())).toMatchObject({ status: 429, body: { code: 'file_limit_reached' } })
    await redis.del(...(await redis.keys(`*${client.id}*`)))

    for (const url of [gateway.url, other.url])
      expect(await client.at(url).pictures(await photo())).toMatchObject({ status: 429, body: { code: 'file_limit_reached' } })
  } finally {
    redis.disconnect()
    await other.close()
    await gateway.close()
  }
})

test('refunded files make room, and a 429 never lasts more than a second longer than a full hour', {
  meta: { id: 'given-back-files-free-the-limit' },
}, async () => {
  const gateway = await startGateway({ filesPerHour: 2 })
  try {
    const client = new Client(gateway.url)
    const ids = acceptedIds(await client.pictures(await photo(), await photo()))
    expect(await client.pictures(await photo())).toMatchObject({ status: 429, body: { code: 'file_limit_reached' } })

    for (const id of ids) await gateway.database.uploads.giveBack(id) // as the sweeper does, which does not use Redis

    await expect.poll(async () => (await client.pictures(await photo())).status, { timeout: 10_000, interval: 200 }).toBe(202)
  } finally {
    await gateway.close()
  }
})

test('a flood of refused files causes about one query a second', async () => {
  const gateway = await startGateway({ filesPerHour: 1 })
  try {
    const client = new Client(gateway.url)
    await client.pictures(await logo())
    const file = await logo()
    const [before, started] = [gateway.asked.postgres, performance.now()]
    for (let i = 0; i < 20; i += 1) expect((await client.pictures(file)).status).toBe(429)
    const seconds = (performance.now() - started) / 1000
    expect(gateway.asked.postgres - before).toBeLessThanOrEqual(Math.ceil(seconds) + 1)
  } finally {
    await gateway.close()
  }
})

test('concurrent files of one user use one connection to Postgres while they wait to be counted', async () => {
  const gateway = await startGateway()
  const locking = new pg.Client({ connectionString: gateway.servers.databaseUrl })
  await locking.connect()
  try {
    const [greedy, other] = [new Client(gateway.url), new Client(gateway.url)]
    // as another gateway does while it counts a file of the same user
    await locking.query(`begin; select pg_advisory_xact_lock(hashtextextended('uploads of user ${greedy.id}', 0))`)
    const sending = Array.from({ length: 20 }, async () => greedy.pictures(await logo()))
    const waiting = `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`
    await expect.poll(async () => (await locking.query(waiting)).rows[0].n, { timeout: 10_000 }).toBe(1)

    expect((await other.pictures(await logo())).status).toBe(202)
    expect((await locking.query(waiting)).rows[0].n).toBe(1)
    await locking.query('rollback')
    for (const { status } of await Promise.all(sending)) expect(status).toBe(202)
  } finally {
    await locking.end()
    await gateway.close()
  }
})

test('a user with too many parked bytes is refused until some are gone, and nothing parked is deleted', async () => {
  const gateway = await startGateway({ parkedBytesPerUser: 1024 })
  const sql = new pg.Client({ connectionString: gateway.servers.databaseUrl })
  await sql.connect()
  try {
    const client = new Client(gateway.url)
    const [id = ''] = acceptedIds(await client.pictures(await photo('a.jpg')))
    await sql.query(`update uploads set state = 'processing', attempt = 1, processing_at = now(), lease_until = now() where id = $1`, [id])
    await sql.query(
      `update uploads set state = 'parked', parked_at = now(), lease_until = null, error_code = 'inspection_failed', error_title = 'x', error_detail = 'x' where id = $1`,
      [id],
    )

    const refused = await client.pictures(await photo('b.jpg'))
    expect(refused).toMatchObject({
      status: 403,
      body: {
        code: 'parked_limit_reached',
        detail: expect.stringMatching(/^File 'b\.jpg' was not accepted: .* 1 KiB or more, the maximum/),
      },
    })
    expect(await gateway.uploads(client.id)).toMatchObject([{ id, state: 'parked' }])
    expect(await new Client(gateway.url).pictures(await photo())).toMatchObject({ status: 202 })

    expect((await client.sends('DELETE', `/api/jobs/${id}`)).status).toBeLessThan(300)
    expect(await client.pictures(await photo('b.jpg'))).toMatchObject({ status: 202 })
  } finally {
    await sql.end()
    await gateway.close()
  }
})
