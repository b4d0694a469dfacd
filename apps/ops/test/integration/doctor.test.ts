import { queueNames, queuePrefix } from '@airlock/queue'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { bucketCommand } from '../../src/commands/bucket/index.ts'
import { doctorCommand } from '../../src/commands/doctor/index.ts'
import { pauseCommand, resumeCommand } from '../../src/commands/lanes.ts'
import { sweepCommand } from '../../src/commands/sweep.ts'
import { widthOf } from '../../src/table.ts'
import { accepts, type OpsServers, openOpsServers, parks } from '../servers.ts'

let servers: OpsServers
let redis: Redis
let worker: Worker

beforeAll(async () => {
  servers = await openOpsServers()
  redis = new Redis(servers.redisUrl)
  // it is connected, and takes no jobs
  worker = new Worker(queueNames.images, null, { connection: { url: servers.redisUrl }, prefix: queuePrefix, autorun: true })
  await worker.waitUntilReady()
  await servers.runs(bucketCommand, ['--apply'])
})
afterAll(async () => {
  await worker.close()
  redis.disconnect()
  await servers.close()
})
beforeEach(() => servers.empty())

interface Finding {
  check: string
  result: string
  detail: string
  remedy: string | null
}

async function examines(args: readonly string[] = ['--quick'], env: Record<string, string> = {}) {
  const { code, out } = await servers.runs(doctorCommand, [...args, '--json'], { env })
  const { summary, findings } = JSON.parse(out) as { summary: string; findings: Finding[] }
  const of = (check: string) => findings.filter((finding) => finding.check === check)
  const problems = findings.filter(({ result }) => result === 'problem')
  return { code, summary, findings, of, problems }
}

test('where all is well the exit code is 0, and every check says so', async () => {
  await servers.runs(sweepCommand, [])

  const { code, summary, findings } = await examines()

  expect(findings.filter(({ result }) => result !== 'ok' && result !== 'skipped')).toEqual([])
  expect({ code, summary }).toEqual({ code: 0, summary: 'well' })
  const checks = ['settings', 'postgres', 'redis', 's3', 'migrations', 'connections', 'clocks', 'lanes', 'parked', 'sweeper']
  for (const check of [...checks, 'events', 'webhooks', 'bucket', 'probe', 'verify', 'disk'])
    expect(findings.map((one) => one.check)).toContain(check)
})

test('each problem has a remedy, and the text fits 100 columns', async () => {
  const { sql, database } = servers
  const shop = 'shop.example.com#00000001'
  await database.webhooks.register([shop])
  await parks(servers)
  await sql.query(`update events set created_at = created_at - interval '10 minutes'`)
  const old = await accepts(servers)
  await sql.query(`update uploads set updated_at = now() - interval '20 minutes' where id = $1`, [old])
  await sql.query(`insert into sweeper (ended_at) values (now() - interval '1 hour')`)
  const renamed = `update airlock_migrations set name = $1 where id = (select max(id) from airlock_migrations) returning (select name from airlock_migrations order by id desc limit 1)`
  const [{ name: latest }] = (await sql.query(renamed, ['FromTheFuture9'])).rows
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  await servers.runs(pauseCommand, ['videos', '--by', 'kim', '--reason', 'the encoder\u001b[2J is updated'])
  try {
    const { code, problems, of } = await examines()

    expect(code).toBe(1)
    expect(problems.filter(({ remedy }) => !remedy)).toEqual([])
    const said = (check: string) => problems.filter((one) => one.check === check).map(({ detail }) => detail)
    expect(said('migrations')).toEqual([`1 have not run: ${latest}`])
    expect(said('redis')).toEqual(['maxmemory-policy is allkeys-lru: it may delete jobs'])
    expect(said('parked')).toEqual(['1 upload waits for a decision'])
    expect(said('sweeper')).toEqual(['the last sweep ended 60m ago'])
    expect(said('events')).toEqual([expect.stringMatching(/^events have been waiting for their position for 1\dm$/)])
    expect(said('lanes')).toEqual([
      expect.stringMatching(/^images: 1 wait, the first for 20m, none is being processed$/),
      expect.stringMatching(/^videos is paused for \ds by kim: the encoder/),
    ])
    expect(of('lanes').map(({ remedy }) => remedy)[1]).toContain('npm run ops -- resume videos')
    const { out } = await servers.runs(doctorCommand, ['--quick'])
    expect(out).toMatch(/^PROBLEM {2}parked {8}1 upload waits.*\n {23}→ npm run ops -- jobs list --state parked/m)
    expect(out).toMatch(/\n\n7 problems, 0 that could not be judged, \d+ well$/)
    expect(out).not.toContain('\u001b')
    for (const line of out.split('\n')) expect(widthOf(line), line).toBeLessThanOrEqual(100)
  } finally {
    await sql.query(renamed, [latest])
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    await servers.runs(resumeCommand, ['all'])
  }
})

test('the users of Redis in deploy/redis need no more permissions', async () => {
  await servers.runs(sweepCommand, [])
  await redis.call('ACL', 'SETUSER', 'airlock', 'on', '>secret', '~{airlock}:*', '~airlock:*', 'resetchannels', ...narrow)
  const url = Object.assign(new URL(servers.redisUrl), { username: 'airlock', password: 'secret' }).href

  const { code, of } = await examines(['--quick'], { REDIS_URL: url })

  expect(of('lanes')).toMatchObject([{ result: 'ok', detail: expect.stringContaining('our user of Redis may not') }])
  expect(code).toBe(0)
})

/** As in deploy/redis/users.acl. */
const narrow = ['+@all', '-@admin', '-@dangerous', '-@pubsub', '+info']

const nowhere = '127.0.0.1:1'

test.for([
  ['postgres', { DATABASE_URL: `postgres://airlock:secret@${nowhere}/airlock` }, ['migrations', 'parked', 'sweeper']],
  ['redis', { REDIS_URL: `redis://:secret@${nowhere}` }, ['lanes']],
  ['s3', { S3_ENDPOINT: `http://${nowhere}` }, ['bucket', 'probe']],
] as const)('while %s is unavailable it is the problem, and what depends on it is not judged', async ([down, env, others], { expect }) => {
  const started = performance.now()

  const { code, of, findings } = await examines(['--quick'], env)

  expect(performance.now() - started).toBeLessThan(15_000)
  expect(code).toBe(1)
  expect(of(down)).toEqual([
    { check: down, result: 'problem', detail: expect.stringMatching(/^unavailable: \S/), remedy: expect.any(String) },
  ])
  for (const other of others) expect(of(other), other).toMatchObject([{ result: 'unknown', detail: `${down} unavailable` }])
  expect(JSON.stringify(findings)).not.toContain('secret')
})

test('invalid settings are problems, and the rest is examined if it can be', async () => {
  const wrong = await examines(['--quick'], { SWEEP_REST_SECONDS: 'often', WORKER_CONCURRENCY: 'many' })
  expect(wrong.code).toBe(1)
  expect(wrong.of('settings').map(({ detail }) => detail.split(' ')[0])).toEqual(['WORKER_CONCURRENCY', 'SWEEP_REST_SECONDS'])
  expect(wrong.of('postgres')).toEqual([])

  const other = await examines(['--quick'], { WORKER_CONCURRENCY: 'many' })
  expect(other.of('settings')).toMatchObject([{ result: 'problem', detail: expect.stringMatching(/^WORKER_CONCURRENCY is 'many'/) }])
  expect(other.of('postgres')).toMatchObject([{ result: 'ok' }])
})

test('a lane is a problem if an upload waits and no worker takes it, and well if it is scaled to zero', async () => {
  await servers.runs(sweepCommand, [])
  expect((await examines()).of('lanes')).toMatchObject([
    { result: 'ok', detail: 'images 1 connected, videos 0 connected, training 0 connected' },
  ])

  await worker.close()
  await accepts(servers)

  expect((await examines()).of('lanes')).toMatchObject([{ result: 'problem', detail: expect.stringContaining('no worker takes them') }])
})
