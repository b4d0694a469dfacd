import { FaultyLink } from '@airlock/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { pauseCommand } from '../../src/commands/lanes.ts'
import { status, statusCommand } from '../../src/commands/status/index.ts'
import { sweepCommand } from '../../src/commands/sweep.ts'
import { widthOf } from '../../src/table.ts'
import { accepts, type OpsServers, openOpsServers, parks } from '../servers.ts'

const shop = 'shop.example.com#00000001'

let servers: OpsServers

beforeAll(async () => {
  servers = await openOpsServers()
})
afterAll(() => servers.close())
beforeEach(() => servers.empty())

const read = async (env?: Record<string, string>) => {
  const { code, out } = await servers.runs(statusCommand, ['--json'], { ...(env && { env }) })
  return { code, ...JSON.parse(out) }
}

/** Gives positions to all events, and creates the deliveries of the endpoint. */
async function queues(endpoint: string): Promise<void> {
  const { eventRelay, webhooks } = servers.database
  await eventRelay.place({ limit: 100 })
  await webhooks.fanOut(endpoint, { limit: 100 })
}

test('status shows dependencies, lanes, parked uploads, lags, dead letters and the sweeper within 100 columns', async () => {
  const { sql, database } = servers
  await database.webhooks.register([shop])
  await accepts(servers)
  const late = await accepts(servers)
  await sql.query(`update uploads set next_attempt_at = now() + interval '1 hour' where id = $1`, [late])
  const running = await accepts(servers)
  await database.uploads.claim(running, { leaseSeconds: 60 })
  await parks(servers)
  await queues(shop)
  await sql.query(`update webhook_deliveries set state = 'dead', ended_at = now()`)
  await parks(servers)
  await sql.query(`update events set created_at = created_at - interval '10 min' where position is null`)
  await servers.runs(pauseCommand, ['videos'])
  await servers.runs(sweepCommand, [])

  const { code, dependencies, lanes, parked, receiving, event_relay, webhooks, sweeper, problems } = await read()

  expect({ code, parked, receiving, problems }).toEqual({ code: 0, parked: 2, receiving: 0, problems: [] })
  const up = (dependency: string) => ({ dependency, up: true, latency_ms: expect.any(Number), error: null })
  expect(dependencies).toEqual([up('postgres'), up('redis'), up('s3')])
  expect(lanes).toMatchObject([
    { lane: 'images', paused: false, waiting: 1, delayed: 1, processing: 1, oldest_seconds: expect.any(Number) },
    { lane: 'videos', paused: true, waiting: 0, delayed: 0, processing: 0, oldest_seconds: 0 },
    { lane: 'training', paused: false },
  ])
  expect(event_relay.lag_seconds).toBeGreaterThan(590)
  expect(webhooks).toEqual([{ endpoint: shop, lag_seconds: 0, not_queued: 0, dead: 1 }])
  expect(sweeper).toMatchObject({ running: false, ended_at: expect.any(String) })
  expect(sweeper.rules[0]).toEqual({ rule: 'waiting', ended_at: expect.any(String) })

  const { out } = await servers.runs(statusCommand, [])
  expect(out).toMatch(/^postgres +up +[\d.]+ ms$/m)
  expect(out).toMatch(/^images +running +1 +\d+s +1 +1$/m)
  expect(out).toMatch(/^videos +paused +0 +0s +0 +0$/m)
  expect(out).toMatch(/^Uploads +2 parked, 0 being received, 0 direct ones open$/m)
  expect(out).toMatch(/^Event relay +lag 10m$/m)
  expect(out).toMatch(/^Sweeper +last sweep ended \d+s ago; .*\n +waiting \d+s/m)
  expect(out).toMatch(new RegExp(`^${shop} +0s +0 +1$`, 'm'))
  for (const line of out.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(100)
  await servers.runs(sweepCommand, [])
})

test('an endpoint to which no worker delivers has a lag', { meta: { id: 'status-endpoint-without-worker' } }, async () => {
  await servers.database.webhooks.register([shop])
  await parks(servers)
  await queues('nobody')
  await servers.sql.query(`update events set positioned_at = now() - interval '1 hour'`)

  const { webhooks } = await read()

  expect(webhooks).toEqual([{ endpoint: shop, lag_seconds: expect.any(Number), not_queued: 1, dead: 0 }])
  expect(webhooks[0].lag_seconds).toBeGreaterThan(3590)
})

const nowhere = '127.0.0.1:1'

test.for([
  ['postgres', { DATABASE_URL: `postgres://airlock@${nowhere}/airlock` }],
  ['redis', { REDIS_URL: `redis://${nowhere}` }],
  ['s3', { S3_ENDPOINT: `http://${nowhere}` }],
] as const)(
  'while %s is unavailable the rest is shown, with exit code 1',
  {
    meta: { id: 'status-dependency-unavailable' },
  },
  async ([down, env], { expect }) => {
    await parks(servers)
    const started = performance.now()

    const { code, dependencies, lanes, parked, problems } = await read(env)

    expect(performance.now() - started).toBeLessThan(10_000)
    expect({ code, problems }).toEqual({ code: 1, problems: [] })
    for (const { dependency, up, error } of dependencies)
      expect([dependency, up, error === null]).toEqual([dependency, dependency !== down, dependency !== down])
    expect(parked).toBe(down === 'postgres' ? null : 1)
    expect(lanes[0]).toMatchObject({ paused: down === 'redis' ? null : false, waiting: down === 'postgres' ? null : 0 })
    expect((await servers.runs(statusCommand, [], { env })).out).toMatch(new RegExp(`^${down} +unavailable +- +\\S`, 'm'))
  },
)

test('a Postgres that accepts connections and is silent does not hold the status up', {
  meta: { id: 'status-postgres-silent' },
}, async () => {
  const link = new FaultyLink(servers.databaseUrl)
  const url = await link.open()
  link.become({ kind: 'hole' })
  const started = performance.now()

  const { code, dependencies } = await read({ DATABASE_URL: url })

  expect(performance.now() - started).toBeLessThan(15_000)
  expect(code).toBe(1)
  expect(dependencies.map(({ up }: { up: boolean }) => up)).toEqual([false, true, true])
  await link.close()
})

test('--watch reads again every 2 s until it is interrupted', async () => {
  const stop = new AbortController()
  const printed: string[] = []
  const out = (line: string) => {
    if (printed.push(line) === 2) stop.abort()
  }
  const started = performance.now()

  expect(await status(['--watch', '--json'], { env: servers.env, out, err: () => {} }, stop.signal)).toBe(0)

  expect(performance.now() - started).toBeGreaterThanOrEqual(1990)
  expect(printed.map((line) => JSON.parse(line).problems)).toEqual([[], []])
  for (const line of printed) expect(line).not.toContain('\n')
})
