import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { queueNames } from '@airlock/queue'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { jobsCommand } from '../../src/commands/jobs/index.ts'
import { widthOf } from '../../src/table.ts'
import { accepts, type OpsServers, openOpsServers, parks } from '../servers.ts'

let servers: OpsServers

beforeAll(async () => {
  servers = await openOpsServers()
})
afterAll(() => servers.close())
beforeEach(async () => {
  await servers.empty()
  await servers.sql.query('truncate ops_log, purges')
})

const jobs = (args: string[], options?: Parameters<OpsServers['runs']>[2]) => servers.runs(jobsCommand, args, options)
const stateOf = async (id: string) => (await servers.database.uploads.byId(id))?.state
const logOf = (id: string) => servers.database.opsLog.ofUpload(id, { limit: 10 })

/** Many parked uploads, without bytes, the first one parked longest ago. */
async function manyParked(count: number): Promise<void> {
  const { sql } = servers
  await sql.query('set session_replication_role = replica')
  await sql.query(
    `insert into uploads (id, user_id, state, door, asset_type, original_filename, declared_type, detected_type, quarantine_key, final_key,
       size_bytes, content_hash, etag, nonce, attempt, error_code, error_title, error_detail, received_at, processing_at, parked_at)
     select id, gen_random_uuid(), 'parked', 'form', 'brand_image', 'a.png', 'image/png', 'image/png', 'quarantine/' || id, 'test/' || id, 1,
       repeat('a', 64), 'e', 'n', 1, 'processing_failed', 'e', 'd', now(), now(), now() - make_interval(secs => $1 - n)
     from (select n, gen_random_uuid() as id from generate_series(1, $1) as n) as made`,
    [count],
  )
  await sql.query('set session_replication_role = origin')
}

const counts = async () =>
  Object.fromEntries(
    (await servers.sql.query('select state, count(*)::int from uploads group by state')).rows.map((row) => [row.state, row.count]),
  )

test('list prints what has not ended, within 100 columns, whatever users name their files', async () => {
  const hostile = '\u001b[2J\u202egpj.写真写真写真写真写真写真'
  const parked = await parks(servers, { filename: hostile })
  const waiting = await accepts(servers)

  const { code, out, err } = await jobs(['list'])

  expect({ code, err }).toEqual({ code: 0, err: '' })
  const lines = out.split('\n')
  expect(lines[0]).toMatch(/^ID +STATE +FOR +LANE +CODE +FILE$/)
  expect(lines[1]).toMatch(new RegExp(`^${waiting} {2}received {4}\\d+s +images {4}- +logo.png$`))
  expect(lines[2]).toMatch(new RegExp(`^${parked} {2}parked +\\d+s +images {4}processing_failed {2}`))
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(100)
  for (const control of ['\u001b', '\u202e']) expect(out).not.toContain(control)
})

test('list filters by state, code, user and time, and --json has all about an upload', async () => {
  const userId = randomUUID()
  const [mine, other] = [await parks(servers, { userId }), await parks(servers)]
  await servers.sql.query(`update uploads set parked_at = now() - interval '3 hours' where id = $1`, [other])
  const ids = async (...args: string[]) =>
    (JSON.parse((await jobs(['list', '--json', ...args])).out) as { uploads: { id: string }[] }).uploads.map(({ id }) => id)

  expect(await ids('--state', 'parked', '--code', 'processing_failed')).toEqual([mine, other])
  expect(await ids('--user', userId)).toEqual([mine])
  expect(await ids('--since', '2h')).toEqual([mine])
  expect(await ids('--since', '4h')).toEqual([mine, other])
  expect(await ids('--since', new Date(Date.now() + 60_000).toISOString())).toEqual([])
  expect(await ids('--state', 'completed,rejected')).toEqual([])
  expect((await jobs(['list', '--code', 'cancelled'])).out).toBe('No uploads match.')
  expect((await jobs(['list', '--limit', '1'])).err).toBe('1 listed, there are more; use --limit')
  expect(JSON.parse((await jobs(['list', '--json', '--limit', '1'])).out)).toMatchObject({
    has_more: true,
    uploads: [{ id: mine, user_id: userId, state: 'parked', attempts: 1, code: 'processing_failed', last_fault: 'S3 answered 500' }],
  })
})

test.for([
  [['list', '--state', 'lost'], "--state has 'lost'"],
  [['list', '--code', 'nope'], "--code is 'nope'"],
  [['list', '--user', 'ada'], "--user is 'ada'"],
  [['list', '--since', 'yesterday'], "--since is 'yesterday'"],
  [['list', '--limit', '0'], "--limit is '0'"],
  [['retry'], 'which uploads?'],
  [['retry', 'x'], "'x' is not the id"],
  [['retry', randomUUID(), '--all'], 'either ids, or filters, or --all'],
  [['release', '--state', 'received'], 'release applies to parked'],
  [['retry', '--all', '--reason', ' '], '--reason is empty'],
  [['delete'], "'jobs delete' does not exist"],
] as const)('%j is a usage error', async ([args, says], { expect }) => {
  await expect(jobs([...args])).rejects.toThrow(says)
  await expect(jobs([...args])).rejects.toBeInstanceOf(UsageError)
})

test('retry, release and cancel change one upload at once, enqueue it, and log who and why', async () => {
  const [first, second, third] = [await parks(servers), await parks(servers), await accepts(servers)]

  expect(await jobs(['retry', first, '--reason', 'the store is back', '--by', 'ada'])).toMatchObject({
    code: 0,
    err: '',
    out: '1 retried, 0 in another state, 0 unknown, 0 failed',
  })
  expect(await jobs(['release', second])).toMatchObject({ code: 0, err: '' })
  expect(await jobs(['cancel', third])).toMatchObject({ code: 0, err: '' })

  expect([await stateOf(first), await stateOf(second), await stateOf(third)]).toEqual(['received', 'rejected', 'rejected'])
  expect((await servers.database.uploads.byId(third))?.refusal?.code).toBe('cancelled_by_operator')
  expect(await logOf(first)).toMatchObject([{ operator: 'ada', action: 'retry', reason: 'the store is back', requestId: null }])
  expect(await logOf(second)).toMatchObject([{ operator: expect.stringMatching(`@${hostname()}$`), action: 'release', reason: null }])
  expect(await logOf(third)).toMatchObject([{ action: 'cancel' }])
  const redis = new Redis(servers.redisUrl, { maxRetriesPerRequest: null })
  const queue = new Queue(queueNames.images, { connection: redis, prefix: '{airlock}' })
  expect(await queue.getJobState(first)).toBe('waiting')
  await queue.close()
  redis.disconnect()
})

test('an upload in another state is reported with exit code 0, an unknown one with exit code 1', async () => {
  const [parked, waiting, unknown] = [await parks(servers), await accepts(servers), randomUUID()]

  const { code, out, err } = await jobs(['retry', parked, waiting, parked.toUpperCase(), unknown, '--yes'])

  expect({ code, err }).toEqual({ code: 1, err: `${unknown}  does not exist` })
  expect(out).toBe(`${waiting}  not retried: it is received\n1 retried, 1 in another state, 1 unknown, 0 failed`)
  expect(await jobs(['retry', parked, waiting, '--yes', '--json'])).toMatchObject({ code: 0 })
})

test('of any number of uploads in another state all are counted, and the first hundred are named', async () => {
  await manyParked(130)
  const ids = (await servers.sql.query('select id from uploads')).rows.map(({ id }) => id as string)
  await jobs(['retry', '--all', '--yes'])

  const { code, out } = await jobs(['retry', ...ids, '--yes', '--json'])

  const { moved, ...rest } = JSON.parse(out)
  expect({ code, ...rest }).toMatchObject({ code: 0, done: 0, moved_count: 130, failed: [], failed_count: 0 })
  expect(moved).toHaveLength(100)
})

test('several are changed only after a confirmation, and a dry run changes nothing', async () => {
  const ids = [await parks(servers), await parks(servers)]

  const dry = await jobs(['release', '--code', 'processing_failed', '--dry-run'])
  expect(dry).toMatchObject({ code: 0, err: '' })
  expect(dry.out).toMatch(/^ID .*\n2 would be released$/s)
  await expect(jobs(['release', '--all'])).rejects.toThrow('Release 2 uploads (parked)? Without a terminal, --yes is required.')
  expect(await jobs(['release', '--all'], { answer: '' })).toMatchObject({
    code: 1,
    err: 'Nothing was changed.',
    asked: ['Release 2 uploads (parked)? [y/N] '],
  })
  expect(await counts()).toEqual({ parked: 2 })

  expect(await jobs(['release', '--all'], { answer: 'y' })).toMatchObject({ code: 0 })
  expect(await counts()).toEqual({ rejected: 2 })
  for (const id of ids) expect(await logOf(id)).toHaveLength(1)
  expect(await jobs(['release', '--all'])).toMatchObject({ code: 0, out: '0 released, 0 in another state, 0 unknown, 0 failed' })
})

test('five hundred parked uploads are retried while another operator does the same, each of them once', {
  meta: { id: 'bulk-retry-by-two' },
  timeout: 60_000,
}, async () => {
  await manyParked(500)

  const runs = await Promise.all([1, 2].map(() => jobs(['retry', '--code', 'processing_failed', '--yes', '--json'])))

  expect(await counts()).toEqual({ received: 500 })
  expect(runs.map(({ code }) => code)).toEqual([0, 0])
  const done = runs.map(({ out }) => JSON.parse(out).done as number)
  expect((done[0] ?? 0) + (done[1] ?? 0)).toBe(500)
  const { rows } = await servers.sql.query('select count(*)::int, count(distinct upload_id)::int as uploads from ops_log')
  expect(rows).toEqual([{ count: 500, uploads: 500 }])
})

test('uploads that are parked again during a run are not retried a second time', {
  meta: { id: 'bulk-retry-meets-parking' },
  timeout: 60_000,
}, async () => {
  await manyParked(250)
  await servers.sql.query(`
    create function fail_again() returns trigger language plpgsql as $$ begin
      update uploads set state = 'processing', attempt = attempt + 1, processing_at = now(), lease_until = now() where id = new.id;
      update uploads set state = 'parked', lease_until = null, parked_at = clock_timestamp(), error_code = 'processing_failed',
        error_title = 'e', error_detail = 'd' where id = new.id;
      return null;
    end $$;
    create trigger fail_again after update on uploads for each row when (new.state = 'received') execute function fail_again()`)
  try {
    expect(await jobs(['retry', '--all', '--yes'])).toMatchObject({
      code: 0,
      out: '250 retried, 0 in another state, 0 unknown, 0 failed',
    })
  } finally {
    await servers.sql.query('drop trigger fail_again on uploads; drop function fail_again')
  }
  expect(await counts()).toEqual({ parked: 250 })
})

test('a run stops when a server is unavailable, and the same command continues it', {
  meta: { id: 'bulk-release-store-unavailable' },
}, async () => {
  for (let i = 0; i < 30; i += 1) await parks(servers)

  const stopped = await jobs(['release', '--all', '--yes'], { env: { S3_ENDPOINT: 'http://127.0.0.1:1', S3_CALL_TIMEOUT_MS: '1000' } })
  expect(stopped.code).toBe(1)
  expect(stopped.err).toContain('Stopped after several failures in a row. To continue, run the same command again.')
  expect(await counts()).toEqual({ parked: 30 })

  expect(await jobs(['release', '--all', '--yes'])).toMatchObject({ code: 0, out: '30 released, 0 in another state, 0 unknown, 0 failed' })
})

test('while Redis is unavailable uploads are retried nevertheless, quickly, and the sweeper enqueues them', {
  meta: { id: 'bulk-retry-redis-unavailable' },
}, async () => {
  await manyParked(50)
  const started = performance.now()

  const { code, err } = await jobs(['retry', '--all', '--yes'], { env: { REDIS_URL: 'redis://127.0.0.1:1' } })

  expect(code).toBe(0)
  expect(err).toBe('Redis is unreachable: 50 were not enqueued, the sweeper enqueues them')
  expect(await counts()).toEqual({ received: 50 })
  expect(performance.now() - started).toBeLessThan(15_000)
})
