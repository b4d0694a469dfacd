import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { givenStack, isolatedBucket, waitFor } from '@airlock/testkit'
import { CreateBucketCommand, HeadBucketCommand } from '@aws-sdk/client-s3'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findEngine } from '../../src/engine.ts'
import { identityOf, resetStack, StackInUse, startStack } from '../../src/index.ts'
import { isRunning } from '../../src/process-identity.ts'
import { s3Client } from '../../src/servers/s3.ts'
import { readStackRecord, StackFile, type StackRecord } from '../../src/stack-file.ts'

/** Both kinds of servers are tried where both can be had, since only one is met in daily use. */
const engine = await findEngine()
const providers = [
  { provider: 'local', open: true },
  { provider: 'containers', open: typeof engine !== 'string' },
].filter(({ open }) => open)

let folder: string
const owners: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'a stack '))
})
afterEach(async () => {
  for (const owner of owners.splice(0)) owner.kill('SIGKILL')
  await waitFor(() => gone(readStackRecord(folder)), { what: 'the end of all servers', timeoutMs: 30_000 })
  await resetStack(folder)
  rmSync(folder, { recursive: true })
})

test.each(providers)('$provider: servers stop with their owner, and keep their data', { timeout: 90_000 }, async ({ provider }) => {
  const first = await own(folder, provider)
  await leaveMarks(first.environment)
  const { servers } = readStackRecord(folder) as StackRecord
  first.process.kill('SIGTERM')
  await once(first.process, 'exit')
  expect(await gone({ servers } as StackRecord)).toBe(true)
  expect(readStackRecord(folder)).toMatchObject({ owner: null, servers: {} })

  const second = await own(folder, provider)
  expect(await marks(second.environment)).toEqual({ postgres: 1, redis: 'kept', s3: 200 })

  await expect(startStack({ dataDir: folder, say: () => {} })).rejects.toThrow(StackInUse)
  await expect(resetStack(folder)).rejects.toThrow(StackInUse)
})

test.each(providers)('$provider: a killed owner leaves no servers, and no ephemeral data', { timeout: 60_000 }, async ({ provider }) => {
  const owner = await own('ephemeral', provider)
  const record = readStackRecord(owner.folder)
  owner.process.kill('SIGKILL')
  await waitFor(() => !existsSync(owner.folder), { what: 'the removal of the data', timeoutMs: 20_000 })
  expect(await gone(record)).toBe(true)
})

test.each(providers)(
  '$provider: if the reaper was killed too, the next run ends leftover servers and keeps the data',
  { timeout: 90_000 },
  async ({ provider }) => {
    const killed = await own(folder, provider)
    await leaveMarks(killed.environment)
    const record = readStackRecord(folder)
    process.kill(record?.reaper?.pid ?? 0, 'SIGKILL')
    killed.process.kill('SIGKILL')
    await once(killed.process, 'exit')
    expect(await gone(record)).toBe(false)

    const next = await own(folder, provider)
    expect(await gone(record)).toBe(true)
    expect(next.output).toContain('Ended 3 servers or processes of an earlier run')
    expect(await marks(next.environment)).toEqual({ postgres: 1, redis: 'kept', s3: 200 })

    next.process.kill('SIGTERM')
    await once(next.process, 'exit')
    await resetStack(folder)
    expect(readdirSync(folder)).toEqual([])
  },
)

test('another process that has a recorded pid is not ended', { timeout: 60_000 }, async () => {
  const bystander = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  owners.push(bystander)
  const file = new StackFile(folder)
  file.server('redis', { kind: 'redis-server', url: 'redis://127.0.0.1:1', pid: bystander.pid as number, startedAt: 'another time' })
  file.process('gateway', { pid: bystander.pid as number, startedAt: 'another time' })

  await resetStack(folder)

  expect(identityOf(bystander.pid as number)).not.toBeNull()
})

test('servers that are given by URL are used and not stopped', { timeout: 60_000 }, async () => {
  const { postgres, redis, s3 } = givenStack()
  const bucket = await isolatedBucket()
  const output: string[] = []
  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
  const stack = await startStack({ dataDir: folder, env, say: (line) => output.push(line) })

  expect([stack.postgres.kind, stack.redis.kind, stack.s3.kind]).toEqual(['given', 'given', 'given'])
  expect(stack.servers.redis.controls).toBeNull()
  expect(output).toEqual([expect.stringContaining('given by'), expect.stringContaining('given by'), expect.stringContaining('given by')])
  expect(output.join()).not.toContain(s3.secretAccessKey)
  expect(output.join()).not.toContain(new URL(postgres.url).password)

  await stack.stop()
  await resetStack(folder)
  expect(await bucket.keys()).toEqual([])
  await bucket.drop()
})

test.each([
  [{ DATABASE_URL: 'postgres://nobody:x@127.0.0.1:1/none' }, /DATABASE_URL names 127\.0\.0\.1:1, where Postgres does not respond/],
  [{ REDIS_URL: 'redis://127.0.0.1:1' }, /REDIS_URL names 127\.0\.0\.1:1, where Redis does not respond/],
  [{ S3_ENDPOINT: 'http://127.0.0.1:1' }, /S3_ENDPOINT is set, so AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set too/],
  [
    { S3_ENDPOINT: 'http://127.0.0.1:1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    /S3_ENDPOINT names 127\.0\.0\.1:1, where S3 does not respond/,
  ],
])('the start fails for the unreachable URL %j instead of using another server', { timeout: 60_000 }, async (wrong, message) => {
  const { postgres, redis, s3 } = givenStack()
  const right = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    ...(!('S3_ENDPOINT' in wrong) && {
      S3_ENDPOINT: s3.endpoint,
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    }),
  }
  await expect(startStack({ dataDir: folder, env: { ...right, ...wrong }, say: () => {} })).rejects.toThrow(message)
  expect(readStackRecord(folder)).toMatchObject({ owner: null })
})

interface Owner {
  readonly process: ChildProcess
  readonly folder: string
  readonly environment: Record<string, string>
  readonly output: string
}

/** Ephemeral stacks of these owners lie in the test's own folder: any other run on this machine would tidy up after them. */
async function own(where: string, provider: string): Promise<Owner> {
  const script = join(import.meta.dirname, 'owner.ts')
  const child = spawn(process.execPath, [script, where], {
    env: { ...process.env, AIRLOCK_SERVERS: provider, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  owners.push(child)
  let [out, output] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  await waitFor(() => out.includes('\n') || child.exitCode !== null, {
    what: `a stack of ${provider} servers: ${output}`,
    timeoutMs: 60_000,
  })
  if (child.exitCode !== null) throw new Error(output)
  return { process: child, ...(JSON.parse(out) as Pick<Owner, 'folder' | 'environment'>), output }
}

/** Whether none of the servers on record runs any more. */
async function gone(record: StackRecord | null): Promise<boolean> {
  const running = await Promise.all(
    Object.values(record?.servers ?? {}).map(({ pid, startedAt, containerId }) => {
      if (containerId) return containerRuns(containerId)
      return pid !== undefined && startedAt !== undefined && isRunning({ pid, startedAt })
    }),
  )
  return !running.includes(true)
}

async function containerRuns(id: string): Promise<boolean> {
  if (typeof engine === 'string') return false
  const answer = await engine.container.dockerode
    .getContainer(id)
    .inspect()
    .catch(() => null)
  return answer?.State.Running === true
}

async function leaveMarks(environment: Record<string, string>): Promise<void> {
  await withServers(environment, async ({ database, redis, s3 }) => {
    await database.query('create table marks (id int); insert into marks values (1)')
    await redis.set('mark', 'kept')
    await s3.send(new CreateBucketCommand({ Bucket: 'a-mark' }))
  })
}

const marks = (environment: Record<string, string>) =>
  withServers(environment, async ({ database, redis, s3 }) => ({
    postgres: (await database.query<{ id: number }>('select id from marks')).rows[0]?.id,
    redis: await redis.get('mark'),
    s3: (await s3.send(new HeadBucketCommand({ Bucket: 'a-mark' }))).$metadata.httpStatusCode,
  }))

async function withServers<T>(
  environment: Record<string, string>,
  work: (servers: { database: pg.Client; redis: Redis; s3: ReturnType<typeof s3Client> }) => Promise<T>,
): Promise<T> {
  const {
    DATABASE_URL = '',
    REDIS_URL = '',
    S3_ENDPOINT = '',
    S3_REGION = '',
    AWS_ACCESS_KEY_ID = '',
    AWS_SECRET_ACCESS_KEY = '',
  } = environment
  const database = new pg.Client({ connectionString: DATABASE_URL })
  const redis = new Redis(REDIS_URL)
  const s3 = s3Client({ endpoint: S3_ENDPOINT, region: S3_REGION, accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY })
  for (const one of [database, redis]) one.on('error', () => {}) // they end with their servers
  await database.connect()
  try {
    return await work({ database, redis, s3 })
  } finally {
    await database.end()
    redis.disconnect()
    s3.destroy()
  }
}
