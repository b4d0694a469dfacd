import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AirlockProducer, inboxKey } from '@airlock/queue'
import {
  compileCache,
  givenStack,
  type IsolatedBucket,
  type IsolatedDatabase,
  isolatedBucket,
  isolatedDatabase,
  mustHoldNoSecret,
  type PrivateServer,
  privateServer,
  waitFor,
} from '@airlock/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../npm-start.ts'

/** The users of deploy/redis/users.acl (docs/trust.md), with passwords of this test. */
const users = readFileSync(join(root, 'deploy/redis/users.acl'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('user '))
  .map((line) => line.split(' ').slice(1))
const passwords = {
  airlock: 'password-of-airlock',
  pipeline: 'password-of-a-pipeline',
  board: 'password-of-the-board',
  admin: 'password-of-the-test',
}

let redis: PrivateServer<{ url: string }>
let database: IsolatedDatabase
let bucket: IsolatedBucket
let admin: Redis
let settings: Record<string, string>
const children: { child: ChildProcess; name: string; written(): string; ended: Promise<unknown> }[] = []

beforeAll(async () => {
  ;[database, bucket, redis] = await Promise.all([isolatedDatabase(), isolatedBucket(), privateServer('redis')])
  const before = new Redis(redis.address.url)
  await before.call('ACL', 'SETUSER', 'admin', 'on', `>${passwords.admin}`, '~*', '&*', '+@all')
  for (const [name = '', ...rules] of users)
    await before.call(
      'ACL',
      'SETUSER',
      name,
      ...rules.map((rule) => rule.replace(/^>change-me-(\w+)$/, (_, user) => `>${passwords[user as 'airlock']}`)),
    )
  before.disconnect()
  admin = new Redis(urlOf('admin'))
  const { s3 } = givenStack()
  settings = {
    ...compileCache(),
    PATH: process.env.PATH ?? '',
    DATABASE_URL: database.url,
    REDIS_URL: urlOf('airlock'),
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET_NAME: bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    JWT_SECRET: 'a-secret-for-tokens-of-this-test-alone',
    HOST: '127.0.0.1',
    PORT: '0',
    WORKER_PORT: '0',
    AIRLOCK_DATA_DIR: '/nowhere',
  }
  await run('packages/database/src/migrate.ts').ended
}, 120_000)

afterAll(async () => {
  for (const { child } of children) child.kill('SIGKILL')
  await Promise.all(children.map(({ ended }) => ended))
  admin.disconnect()
  await Promise.all([database.drop(), bucket.drop(), redis.drop()])
  for (const { name, written } of children) mustHoldNoSecret(name, settings, written())
})

function urlOf(user: keyof typeof passwords): string {
  const url = new URL(redis.address.url)
  url.username = user
  url.password = passwords[user]
  return url.href
}

function run(entry: string, ...args: string[]) {
  const child = spawn(process.execPath, [join(root, entry), ...args], { cwd: root, env: settings, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const running = { child, name: entry, written: () => text, ended: new Promise((resolve) => child.once('close', resolve)) }
  children.push(running)
  return running
}

/** The refusals in Redis' ACL log since the last call. */
async function refused(): Promise<string[]> {
  const entries = (await admin.call('ACL', 'LOG')) as unknown[][]
  await admin.call('ACL', 'LOG', 'RESET')
  return entries.map((entry) => entry.join(' '))
}

test('with the shipped users of Redis, a pipeline enqueues a video and gets its result without refused commands', {
  meta: { id: 'redis-acl-pipeline' },
  timeout: 120_000,
}, async () => {
  const gateway = run('apps/gateway/src/main.ts')
  const worker = run('apps/worker/src/main.ts')
  await waitFor(() => gateway.written().includes('Server listening') && worker.written().includes('worker started'), {
    what: 'both services to start',
    timeoutMs: 60_000,
  })
  const url = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(gateway.written())?.[1] ?? ''
  const video = { uploadId: randomUUID(), userId: randomUUID(), projectId: randomUUID(), filename: 'scene-01.mp4' }
  const key = inboxKey(video)
  await bucket.put(key, readFileSync(join(root, 'examples/samples/good/scene-01.mp4')), {
    'user-id': video.userId,
    filename: video.filename,
  })
  const producer = new AirlockProducer({ redisUrl: urlOf('pipeline') })
  try {
    expect(await producer.enqueueGeneratedVideo({ ...video, key, priority: 'interactive' })).toMatchObject({ enqueued: true })
    expect(await producer.waitFor(video.uploadId, { timeoutMs: 60_000 })).toMatchObject({ status: 'completed' })
    expect(await producer.enqueueGeneratedVideo({ ...video, key }, { again: true })).toMatchObject({ enqueued: false, state: 'completed' })
  } finally {
    await producer.close()
  }

  await waitFor(async () => ((await (await fetch(`${url}/api/health`)).json()) as { status: string }).status === 'ok', {
    what: 'the gateway to be healthy',
    timeoutMs: 30_000,
  })
  await fetch(`${url}/api/jobs/${video.uploadId}`).then((answer) => answer.text()) // counted by the request limit
  const ops = [run('apps/ops/src/main.ts', 'jobs'), run('apps/ops/src/main.ts', 'sweep'), run('apps/ops/src/main.ts', 'drain', 'all')]
  await Promise.all(ops.map(({ ended }) => ended))
  ops.push(run('apps/ops/src/main.ts', 'resume', 'all'))
  await ops.at(-1)?.ended
  expect(ops.map(({ child }) => child.exitCode)).toEqual([0, 0, 0, 0])
  expect(await refused()).toEqual([])
})

const forbidden: [what: string, command: [string, ...string[]]][] = [
  ['reads the counters of users', ['ZRANGE', `airlock:files:{${randomUUID()}}`, '0', '-1']],
  ['writes the counters of users', ['DEL', `airlock:files:{${randomUUID()}}`]],
  ['reads jobs of pictures', ['HGETALL', '{airlock}:airlock-images:7']],
  ['wakes workers for pictures', ['LPUSH', '{airlock}:airlock-images:wait', '7']],
  ['reaches other keys from a script', ['EVAL', "return redis.call('GET', '{airlock}:airlock-images:meta')", '0']],
  ['lists keys', ['KEYS', '*']],
  ['walks through keys', ['SCAN', '0']],
  ['draws a key', ['RANDOMKEY']],
  ['renames a key', ['RENAME', '{airlock}:airlock-videos:wait', '{airlock}:airlock-videos:x']],
  ['watches what others send', ['MONITOR']],
  ['subscribes', ['PSUBSCRIBE', '*']],
  ['publishes', ['PUBLISH', 'x', 'y']],
  ['empties Redis', ['FLUSHALL']],
  ['reads settings', ['CONFIG', 'GET', '*']],
  ['ends connections of others', ['CLIENT', 'KILL', 'TYPE', 'normal']],
  ['pauses all connections', ['CLIENT', 'PAUSE', '1000']],
  ['lists connections of others', ['CLIENT', 'LIST']],
  ['creates users', ['ACL', 'SETUSER', 'x', 'on', 'nopass', '+@all', '~*']],
  ['removes scripts of others', ['SCRIPT', 'FLUSH']],
  ['stops Redis', ['SHUTDOWN']],
]

test.for(forbidden)('a pipeline that %s is refused', { meta: { id: 'redis-acl-refusals' } }, async ([, [name, ...args]]) => {
  const pipeline = new Redis(urlOf('pipeline'))
  try {
    await expect(pipeline.call(name, ...args)).rejects.toThrow(/NOPERM|can't access|ACL failure in script/)
  } finally {
    pipeline.disconnect()
    await refused()
  }
})

test.for(['KEYS *', 'FLUSHALL', 'CONFIG GET *', 'MONITOR', 'ACL LIST', 'SHUTDOWN', 'GET something-else'])(
  'Airlock itself may not %s',
  async (command) => {
    const airlock = new Redis(urlOf('airlock'))
    const [name = '', ...args] = command.split(' ')
    try {
      await expect(airlock.call(name, ...args)).rejects.toThrow(/NOPERM/)
    } finally {
      airlock.disconnect()
      await refused()
    }
  },
)

test('Redis refuses unnamed users', async () => {
  const stranger = new Redis(redis.address.url, { enableReadyCheck: false, retryStrategy: () => null })
  try {
    const [refusal] = await once(stranger, 'error')
    expect(refusal.message).toMatch(/NOAUTH/)
  } finally {
    stranger.disconnect()
  }
})

test('the user of Bull Board reads the queues, and changes nothing, not even by a script', async () => {
  const board = new Redis(urlOf('board'))
  try {
    expect(await board.exists('{airlock}:airlock-videos:meta')).toBeTypeOf('number')
    await expect(board.set('{airlock}:airlock-videos:meta', 'x')).rejects.toThrow(/^NOPERM/)
    await expect(board.eval("return redis.call('del', KEYS[1])", 1, '{airlock}:airlock-videos:meta')).rejects.toThrow(
      /can't run this command|no permissions to run the 'del' command/,
    )
    await expect(board.get('another')).rejects.toThrow(/^NOPERM/)
  } finally {
    board.disconnect()
  }
})
