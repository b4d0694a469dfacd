import { queueNames } from '@airlock/queue'
import { privateServer, waitFor } from '@airlock/testkit'
import { Queue, UnrecoverableError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jobsCommand } from '../../src/commands/jobs/index.ts'
import { dispatch } from '../../src/dispatch.ts'

/** The command uses the real queue names, so it gets a private Redis. */
let redisUrl: string
const ends: (() => Promise<unknown>)[] = []

async function runs(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const io = { env: { REDIS_URL: redisUrl }, out: (text: string) => out.push(text), err: (text: string) => err.push(text) }
  return { code: await dispatch([jobsCommand], ['jobs', ...args], io), out: out.join('\n'), err: err.join('\n') }
}

/** Fills the queue of videos with jobs that fail, then with waiting and delayed ones. */
async function fill(failing: readonly string[], waiting: number): Promise<void> {
  const options = { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }), prefix: '{airlock}' }
  const queue = new Queue(queueNames.videos, options)
  const worker = new Worker(queueNames.videos, async ({ data }) => Promise.reject(new UnrecoverableError(data)), options)
  for (const [at, reason] of failing.entries()) await queue.add(`job_${at}\u001b[2J`, reason, { jobId: `id-${at}` })
  await waitFor(async () => (await queue.getFailedCount()) === failing.length, { what: 'the jobs to fail' })
  await worker.close()
  for (let at = 0; at < waiting; at += 1) await queue.add('generated_video', {}, { priority: 20 })
  await queue.add('generated_video', {}, { delay: 3_600_000 })
  await queue.close()
  options.connection.disconnect()
}

beforeAll(async () => {
  const redis = await privateServer('redis')
  ends.push(() => redis.drop())
  redisUrl = redis.address.url
  await fill(['generated_video/key: is not the one of this project', 'nothing is at its key', 'x'.repeat(2000)], 2)
})
afterAll(async () => {
  for (const end of ends) await end()
})

test('jobs counts every queue, and lists permanently failed jobs with their reasons, newest first', async () => {
  const { code, out, err } = await runs()
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const lines = out.split('\n')
  expect(lines.slice(0, 5)).toEqual([
    'airlock-images   0 waiting, 0 active, 0 delayed, 0 failed, 0 results kept',
    'airlock-videos   2 waiting, 0 active, 1 delayed, 3 failed, 0 results kept',
    'airlock-training 0 waiting, 0 active, 0 delayed, 0 failed, 0 results kept',
    '',
    'Failed in airlock-videos:',
  ])
  expect(lines.slice(5).map((line) => line.replace(/^ {2}\S+Z /, ''))).toEqual([
    `id-2 job_2\ufffd[2J at attempt 1: ${'x'.repeat(500)}`,
    'id-1 job_1\ufffd[2J at attempt 1: nothing is at its key',
    'id-0 job_0\ufffd[2J at attempt 1: generated_video/key: is not the one of this project',
  ])
})

test('jobs can be limited to one queue and a number, and shows the total', async () => {
  const { out } = await runs('--queue', 'videos', '--limit', '1')
  expect(out).toMatch(/^airlock-videos .*\n\nFailed in airlock-videos, the newest 1 of 3:\n {2}\S+ id-2 [^\n]*$/)
  expect((await runs('--queue', 'airlock-images')).out).toBe('airlock-images   0 waiting, 0 active, 0 delayed, 0 failed, 0 results kept')
  expect((await runs('--queue', 'videos', '--limit', '0')).out).not.toContain('Failed')
})

test('jobs --json prints the same as one object', async () => {
  const { out } = await runs('--json', '--queue', 'videos', '--limit', '2')
  expect(JSON.parse(out)).toEqual({
    queues: [
      {
        queue: 'airlock-videos',
        paused: false,
        waiting: 2,
        active: 0,
        delayed: 1,
        failed: 3,
        completed: 0,
        failed_jobs: [
          { id: 'id-2', name: 'job_2\u001b[2J', attempts: 1, failed_at: expect.any(String), reason: 'x'.repeat(2000) },
          { id: 'id-1', name: 'job_1\u001b[2J', attempts: 1, failed_at: expect.any(String), reason: 'nothing is at its key' },
        ],
      },
    ],
  })
})

test.for([
  [['--queue', 'sounds'], "Queue 'sounds' does not exist: one of images, videos, training."],
  [['--limit', 'all'], "--limit is 'all': a whole number from 0 to 1000."],
  [['--limit', '1001'], "--limit is '1001'"],
] as const)('jobs called with %j prints a usage error', async ([args, message], { expect }) => {
  const { code, err } = await runs(...args)
  expect(code).toBe(2)
  expect(err).toContain(message)
})

test('jobs --help lists its options', async () => {
  expect((await runs('--help')).out).toContain('--limit')
})

test('an unreachable Redis is reported quickly', async () => {
  const [url, started] = [redisUrl, performance.now()]
  redisUrl = 'redis://127.0.0.1:1'
  const { code, err } = await runs()
  redisUrl = url
  expect(code).toBe(1)
  expect(err).toMatch(/jobs failed: can't (count|list) jobs: no connection \((re)?connecting\) in 1500 ms/)
  expect(performance.now() - started).toBeLessThan(2500)
})
