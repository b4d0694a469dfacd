import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { migrate } from '@airlock/database'
import { givenStack, isolatedBucket, isolatedDatabase } from '@airlock/stack/testing'
import { expect, test } from 'vitest'
import { jwtSecret } from '../gateway.ts'

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

interface Ended {
  code: number | null
  out: string
  err: string
}

/** Runs the gateway as a process of its own, with nothing in its environment but what is given. */
function run(env: Record<string, string>): { child: ChildProcess; out: () => string; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
  return { child, out: () => out, ended }
}

test('with an empty environment it does not start, and lists everything that it needs', async () => {
  const { code, out, err } = await run({}).ended

  expect(code).toBe(1)
  expect(out).toBe('')
  expect(err).toMatch(/^Airlock can't start, 4 settings need a look:/)
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'S3_BUCKET_NAME', 'JWT_SECRET'])
    expect(err).toMatch(new RegExp(`^ {2}${name} +is missing`, 'm'))
})

test('with malformed settings it does not start, lists them all, and shows no secret', async () => {
  const { code, err } = await run({
    DATABASE_URL: 'mysql://airlock:hunter2@db/airlock',
    REDIS_URL: 'redis://127.0.0.1:6379',
    S3_BUCKET_NAME: 'Not A Bucket',
    JWT_SECRET: 'hunter2',
    PORT: 'http',
    TRUST_PROXY: 'true',
    CORS_ORIGINS: '*',
  }).ended

  expect(code).toBe(1)
  expect(
    err
      .match(/^ {2}(\w+)/gm)
      ?.map((name) => name.trim())
      .toSorted(),
  ).toEqual(['CORS_ORIGINS', 'DATABASE_URL', 'JWT_SECRET', 'PORT', 'S3_BUCKET_NAME', 'TRUST_PROXY'])
  expect(err).not.toContain('hunter2')
})

test.for(['read to the end', 'closed before'] as const)('SIGTERM ends it in order, with code 0, when its output is %s', async (reader) => {
  const { child, out, ended, drop } = await running()
  try {
    if (reader === 'closed before') child.stdout?.destroy()

    child.kill('SIGTERM')

    expect((await ended).code).toBe(0)
    if (reader === 'read to the end') {
      const lines = out()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).msg)
      expect(lines).toContain('gateway stops')
      expect(lines.at(-1)).toBe('gateway stopped')
    }
  } finally {
    await drop()
  }
})

/** A gateway that answers, on servers of its own. */
async function running() {
  const [db, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  await migrate({ url: db.url, log: { info: () => {}, warn: () => {} } })
  const { s3, redis } = givenStack()
  const process = run({
    DATABASE_URL: db.url,
    REDIS_URL: redis.url,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET_NAME: bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    JWT_SECRET: jwtSecret,
    PORT: '0',
  })
  const drop = async () => {
    process.child.kill('SIGKILL')
    await process.ended
    await Promise.all([db.drop(), bucket.drop()])
  }
  try {
    await expect.poll(process.out, { timeout: 20_000 }).toContain('Server listening at')
    const port = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(process.out())?.[1]
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200)
  } catch (error) {
    await drop()
    throw error
  }
  return { ...process, drop }
}
