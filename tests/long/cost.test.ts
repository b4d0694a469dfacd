import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type ServerName, waitFor } from '@airlock/dev-servers'
import { ask, type FileToSend, formOf, tokenFor } from '@airlock/testkit/http'
import { largeScene, type Sample, samples } from '@airlock/testkit/samples'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AddedWorker, bucket, type Cluster, startCluster } from '../chaos/cluster.ts'
import { Inbox, newVideo } from '../chaos/inbox.ts'

/** Measures what an upload costs, for the tables of docs/scaling.md. One gateway and one worker, without other load. */

const settings = {
  DATABASE_POOL_SIZE: '10',
  S3_MULTIPART_COPY_FROM_BYTES: String(100 * 1024 * 1024),
  S3_CALL_TIMEOUT_MS: '30000',
  LEASE_SECONDS: '60',
  UPLOAD_IDLE_SECONDS: '30',
  UPLOAD_MAX_SECONDS: '3600',
  SWEEP_INTERVAL_SECONDS: '15',
  SWEEP_REST_SECONDS: '3600',
  PIPELINE_RING_AFTER_SECONDS: '60',
  PIPELINE_MAX_RUNNING_PER_PROJECT: '4',
  RATE_LIMIT_FILES_PER_HOUR: '100000',
  REQUESTS_PER_MINUTE: '1000000',
}

const servers = ['postgres', 'redis', 's3'] as const satisfies readonly ServerName[]

let cluster: Cluster
let worker: AddedWorker
let sql: Client
let redis: Redis
let monitor: Redis
let redisCommands = 0

beforeAll(async () => {
  cluster = await startCluster({ settings, processes: ['gateway-1'] })
  worker = await cluster.addWorker({ WORKER_QUEUES: 'images,videos', WORKER_CONCURRENCY: '4' })
  sql = new Client({ connectionString: cluster.stack.postgres.url })
  await sql.connect()
  for (const setting of [`log_statement = 'all'`, `log_line_prefix = '%a '`]) await sql.query(`alter system set ${setting}`)
  await sql.query('select pg_reload_conf()')
  redis = new Redis(cluster.stack.redis.url)
  monitor = await redis.monitor()
  monitor.on('monitor', (_time: string, _command: string[], source: string) => (redisCommands += source === 'lua' ? 0 : 1))
})
afterAll(async () => {
  await sql?.end()
  monitor?.disconnect()
  redis?.disconnect()
  await cluster?.stop()
})

type Counters = Record<string, number>

const methods = ['HEAD', 'GET', 'PUT', 'POST', 'DELETE'] as const

const countOf = (method: string, requests: readonly string[]) => requests.filter((line) => line.startsWith(`${method} `)).length

/** All counters so far. */
function read(): Counters {
  const { record } = cluster.stack.file
  const links = { gateway: cluster.link('gateway-1', 's3'), worker: worker.link('s3') }
  const pids = Object.fromEntries([
    ['gateway', record.processes['gateway-1']?.pid],
    ['worker', record.processes[worker.name]?.pid],
    ...servers.map((name) => [name, record.servers[name]?.pid]),
  ])
  const log = readFileSync(record.servers.postgres?.logFile ?? '', 'utf8')
  const statements = (app: string) => log.match(new RegExp(`^${app}\\S* LOG: {2}(?:execute|statement)`, 'gm'))?.length ?? 0
  return {
    ...Object.fromEntries(Object.entries(pids).map(([name, pid]) => [`CPU ms ${name}`, cpuMs(Number(pid))])),
    'SQL statements gateway': statements('airlock-gateway'),
    'SQL statements worker': statements('airlock-worker'),
    'Redis commands': redisCommands,
    ...Object.fromEntries(
      Object.entries(links).flatMap(([name, { requests, traffic }]) => [
        ...methods.map((method) => [`S3 ${method} ${name}`, countOf(method, requests)]),
        [`S3 KiB sent ${name}`, traffic.toServer / 1024],
        [`S3 KiB received ${name}`, traffic.toClient / 1024],
      ]),
    ),
  }
}

/** CPU time of a process and its descendants, including those that have ended, in ms. */
function cpuMs(pid: number): number {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number))
  const family = new Set([pid])
  for (let size = 0; size !== family.size; ) {
    size = family.size
    for (const [child = 0, parent = 0] of rows) if (family.has(parent)) family.add(child)
  }
  let ticks = 0
  for (const member of family) {
    try {
      const stat = readFileSync(`/proc/${member}/stat`, 'utf8')
      // after the name in parentheses, fields 14 to 17: user and system time of the process and of its ended children
      ticks += stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 15)
        .reduce((sum, value) => sum + Number(value), 0)
    } catch {
      // it has just ended
    }
  }
  return ticks * 10
}

/** @returns the counters of one operation, without what the processes do while idle */
async function costOf(count: number, work: () => Promise<void>): Promise<Counters> {
  const idleS = 15
  const beforeIdle = read()
  await wait(idleS * 1000)
  const before = read()
  const begun = Date.now()
  await work()
  const after = read()
  const seconds = (Date.now() - begun) / 1000
  const net = (name: string) => {
    const idlePerSecond = ((before[name] ?? 0) - (beforeIdle[name] ?? 0)) / idleS
    return ((after[name] ?? 0) - (before[name] ?? 0) - idlePerSecond * seconds) / count
  }
  return { ...Object.fromEntries(Object.keys(after).map((name) => [name, net(name)])), seconds }
}

const fileOf = (sample: Sample, fields: FileToSend['fields']): FileToSend => ({
  name: sample.filename,
  mediaType: sample.declaredType,
  bytes: Buffer.from(sample.bytes),
  fields,
})

const token = () => tokenFor(randomUUID(), cluster.jwtSecret)

/** Runs work `count` times, two at once. */
async function times(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const runner = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 2 }, runner))
}

async function send({ fields, ...file }: FileToSend): Promise<void> {
  const url = `${cluster.gateways[0]}/api/upload`
  const { status } = await ask(url, { method: 'POST', token: token(), form: formOf(fields, [file]), timeoutMs: 60_000 })
  expect(status).toBe(202)
}

/** Waits until everything is done, including what follows the end of an upload. */
const allDone = (total: number) =>
  waitFor(
    async () => {
      const { rows } = await sql.query(`
        select (select count(*) from uploads where state = 'completed')::integer as completed,
          (select count(*) from purges)::integer + (select count(*) from events where position is null)::integer as rest`)
      return rows[0].completed >= total && rows[0].rest === 0
    },
    { what: 'all uploads to be assets', timeoutMs: 300_000, everyMs: 500 },
  )

const operations = [
  {
    name: 'picture of 60 KiB, by form',
    count: 300,
    run: (count: number) => times(count, () => send(fileOf(samples.photo, { asset_type: 'brand_image' }))),
  },
  {
    name: 'video of 1 MiB, by form',
    count: 40,
    run: (count: number) =>
      times(count, () => send(fileOf(largeScene(1024 * 1024), { asset_type: 'generated_video', project_id: randomUUID() }))),
  },
  {
    name: 'video of 1 MiB, by pipeline',
    count: 40,
    async run(count: number) {
      const inbox = new Inbox(cluster.stack, bucket)
      await times(count, async () => {
        const video = newVideo({ userId: randomUUID(), filename: 'scene.mp4', bytes: largeScene(1024 * 1024).bytes })
        await inbox.put(video)
        await inbox.enqueue(video)
      })
      inbox.close()
    },
  },
]

let done = 0

test.each(operations)('the cost of a $name', async ({ name, count, run }) => {
  await run(4) // caches, connections and inspectors
  done += 4
  await allDone(done)
  const cost = await costOf(count, async () => {
    await run(count)
    done += count
    await allDone(done)
  })
  print(name, cost)
})

test('the cost of a request for a job', async () => {
  const { rows } = await sql.query('select id, user_id from uploads order by id limit 1')
  const path = `${cluster.gateways[0]}/api/jobs/${rows[0].id}`
  const owner = tokenFor(rows[0].user_id, cluster.jwtSecret)
  print('GET /api/jobs/:id', await costOf(2000, () => times(2000, () => ask(path, { token: owner }))))
})

function print(name: string, cost: Counters): void {
  const rows = Object.entries(cost).map(([what, value]) => `  ${what.padEnd(26)} ${value.toFixed(2)}`)
  process.stdout.write(`${name}\n${rows.join('\n')}\n`)
}
