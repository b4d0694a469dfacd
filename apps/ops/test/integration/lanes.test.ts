import { randomUUID } from 'node:crypto'
import { type QueueLane, queueNames } from '@airlock/queue'
import { waitFor } from '@airlock/testkit'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../src/command.ts'
import { jobsCommand } from '../../src/commands/jobs/index.ts'
import { drainCommand, pauseCommand, resumeCommand } from '../../src/commands/lanes.ts'
import { sweepCommand } from '../../src/commands/sweep.ts'
import { accepts, type OpsServers, openOpsServers } from '../servers.ts'

const nowhere = 'redis://127.0.0.1:1'

let servers: OpsServers
let redis: Redis
const workers: Worker[] = []

beforeAll(async () => {
  servers = await openOpsServers()
  redis = new Redis(servers.redisUrl, { maxRetriesPerRequest: null })
})
afterAll(async () => {
  redis.disconnect()
  await servers.close()
})
beforeEach(async () => {
  await servers.empty()
  await redis.flushall()
  await servers.sql.query('truncate ops_log')
})
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()))
})

const log = async () =>
  (await servers.sql.query('select action, lane, reason from ops_log order by at, lane')).rows as { action: string; lane: string }[]

async function onLane<T>(lane: QueueLane, work: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue(queueNames[lane], { connection: redis, prefix: '{airlock}' })
  return work(queue).finally(() => queue.close())
}

/** A worker of the lane, whose jobs do this. */
function worksOn(lane: QueueLane, job: () => Promise<unknown>): Worker {
  const worker = new Worker(queueNames[lane], job, { connection: redis.duplicate(), prefix: '{airlock}' })
  workers.push(worker)
  return worker
}

test('a paused lane takes no jobs until it is resumed, the others go on, and each change is logged once', async () => {
  const done: string[] = []
  for (const lane of ['images', 'videos'] as const) worksOn(lane, async () => done.push(lane))

  expect(await servers.runs(pauseCommand, ['images', '--reason', 'ticket 7'])).toMatchObject({ code: 0, out: 'images paused', err: '' })
  expect((await servers.runs(pauseCommand, ['images'])).out).toBe('images was paused already')
  for (const lane of ['images', 'videos'] as const) await onLane(lane, (queue) => queue.add('work', {}))
  await waitFor(async () => done.length > 0, { what: 'the other lane' })
  expect((await servers.runs(jobsCommand, [])).out).toMatch(/^airlock-images +1 waiting, .*, paused\nairlock-videos +0 waiting, .* kept$/m)
  expect(done).toEqual(['videos'])

  expect((await servers.runs(resumeCommand, ['all'])).out).toBe('images resumed\nvideos was running already\ntraining was running already')
  await waitFor(async () => done.includes('images'), { what: 'the job that waited' })
  expect(await log()).toEqual([
    { action: 'pause', lane: 'images', reason: 'ticket 7' },
    { action: 'resume', lane: 'images', reason: null },
  ])
})

test('uploads are accepted while their lane is paused, and the sweeper adds no job twice', async () => {
  const env = { SWEEP_INTERVAL_SECONDS: '1', PIPELINE_RING_AFTER_SECONDS: '60' }
  await servers.runs(pauseCommand, ['images'])
  const id = await accepts(servers)
  await servers.sql.query(`update uploads set updated_at = now() - interval '1 hour' where id = $1`, [id])

  const sweeps = [await servers.runs(sweepCommand, [], { env }), await servers.runs(sweepCommand, [], { env })]

  expect(sweeps.map(({ out }) => /^waiting .*$/m.exec(out)?.[0])).toEqual(['waiting    moved 1', 'waiting    moved 0'])
  expect(await onLane('images', (queue) => queue.getJobCountByTypes('waiting'))).toBe(1)
  const taken: unknown[] = []
  worksOn('images', async () => taken.push(id))
  await servers.runs(resumeCommand, ['images'])
  await waitFor(async () => taken.length === 1, { what: 'the upload that waited' })
})

test('while Redis is unavailable nothing is logged, and the command fails quickly', {
  meta: { id: 'pause-redis-unavailable' },
}, async () => {
  const started = performance.now()
  for (const command of [pauseCommand, resumeCommand, drainCommand])
    await expect(servers.runs(command, ['images'], { env: { REDIS_URL: nowhere } })).rejects.toThrow(/no connection/)
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(await log()).toEqual([])
})

test('while Postgres is unavailable a lane can be paused nevertheless, and the missing row is reported', {
  meta: { id: 'pause-database-unavailable' },
}, async () => {
  const env = { DATABASE_URL: 'postgres://airlock@127.0.0.1:1/airlock' }

  const { code, out, err } = await servers.runs(pauseCommand, ['images'], { env })

  expect({ code, out }).toEqual({ code: 1, out: 'images paused' })
  expect(err).toContain('Lane images was paused, but the log of operators could not be written')
  expect(await onLane('images', (queue) => queue.isPaused())).toBe(true)
})

test('drain waits for running jobs and for claimed uploads, and leaves the lanes paused', async () => {
  const gate = Promise.withResolvers<void>()
  worksOn('images', () => gate.promise)
  await onLane('images', (queue) => queue.add('work', {}))
  const activeIs = (count: number) => onLane('images', async (queue) => (await queue.getActiveCount()) === count)
  await waitFor(() => activeIs(1), { what: 'the running job' })

  const late = await servers.runs(drainCommand, ['images', '--timeout', '0.5'])
  expect(late).toMatchObject({ code: 1 })
  expect(late.out).toBe('images   paused, 1 running, 0 waiting\nNot drained after 0.5 s. The lanes stay paused.')

  gate.resolve()
  await waitFor(() => activeIs(0), { what: 'the end of the job' })
  const id = await accepts(servers)
  const attempt = await servers.database.uploads.claim(id, { leaseSeconds: 60 })
  if (!attempt.claimed) throw new Error('not claimed')
  expect((await servers.runs(drainCommand, ['images', '--timeout', '0'])).out).toContain('1 running, 0 waiting')

  const drained = servers.runs(drainCommand, ['--json'])
  await servers.database.uploads.retryLater(attempt.claim, 'later')
  expect(await drained).toMatchObject({ code: 0 })
  expect(JSON.parse((await drained).out)).toMatchObject({ drained: true, lanes: [{ lane: 'images', running: 0, waiting: 1 }, {}, {}] })
  for (const lane of ['images', 'videos', 'training'] as const) expect(await onLane(lane, (queue) => queue.isPaused())).toBe(true)
  expect((await log()).filter(({ lane }) => lane === 'images')).toHaveLength(1)
})

test('drain does not wait for uploads and jobs whose worker has died', { meta: { id: 'drain-worker-died' } }, async () => {
  const id = await accepts(servers)
  await servers.database.uploads.claim(id, { leaseSeconds: 60 })
  await servers.sql.query(`update uploads set lease_until = now() - interval '1 ms' where id = $1`, [id])
  await onLane('images', (queue) => queue.add('work', {}, { jobId: `dead-${randomUUID()}` }))
  const worker = new Worker(queueNames.images, null, { connection: redis.duplicate(), prefix: '{airlock}', lockDuration: 1000 })
  workers.push(worker)
  await worker.getNextJob('token') // it never ends the job, and does not renew its lock

  expect(await servers.runs(drainCommand, ['images', '--timeout', '20'])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^images {3}paused, 0 running, 1 waiting\nDrained\./),
  })
})

test.for([
  [pauseCommand, [], 'which lane?'],
  [pauseCommand, ['sounds'], "Lane 'sounds' does not exist"],
  [drainCommand, ['--timeout', 'long'], "--timeout is 'long'"],
] as const)('%j is a usage error', async ([command, args, says], { expect }) => {
  await expect(async () => servers.runs(command, args)).rejects.toThrow(says)
  await expect(async () => servers.runs(command, args)).rejects.toBeInstanceOf(UsageError)
})
