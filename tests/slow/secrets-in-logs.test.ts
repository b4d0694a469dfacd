import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { waitFor } from '@airlock/dev-servers'
import {
  compileCache,
  givenStack,
  type IsolatedBucket,
  type IsolatedDatabase,
  isolatedBucket,
  isolatedDatabase,
  type PrivateServer,
  privateServer,
  secretsIn,
} from '@airlock/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../npm-start.ts'

/** Secrets that must not be in any output. A test chooses which of them a server refuses. */
const right = 'the-right-password-of-redis'
const wrong = 'a-wrong-secret-0123456789'
const endpointToken = 'token-of-the-endpoint'

let database: IsolatedDatabase
let bucket: IsolatedBucket
let redis: PrivateServer<{ url: string }>
let settings: Record<string, string>

beforeAll(async () => {
  ;[database, bucket, redis] = await Promise.all([isolatedDatabase(), isolatedBucket(), privateServer('redis')])
  const admin = new Redis(redis.address.url)
  await admin.config('SET', 'requirepass', right)
  admin.disconnect()
  const { s3 } = givenStack()
  settings = {
    ...compileCache(),
    PATH: process.env.PATH ?? '',
    DATABASE_URL: database.url,
    REDIS_URL: withPassword(redis.address.url, right),
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET_NAME: bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    JWT_SECRET: 'a-secret-for-tokens-that-no-log-may-hold',
    ACCESS_LOG_IP_HASH_KEY: 'a-key-for-addresses-that-no-log-may-hold',
    WEBHOOK_URLS: `https://hooks.example.invalid/hook?key=${endpointToken}`,
    WEBHOOK_SECRETS: `whsec_${Buffer.from('a secret of webhooks, 32 bytes..').toString('base64')}`,
    LOG_LEVEL: 'trace',
    HOST: '127.0.0.1',
    PORT: '0',
    WORKER_PORT: '0',
    AIRLOCK_DATA_DIR: '/nowhere',
  }
  const migrated = await run('packages/database/src/migrate.ts', [], settings).ended
  expect(migrated).toBe(0)
}, 120_000)

afterAll(async () => {
  await Promise.all([database.drop(), bucket.drop(), redis.drop()])
})

function withPassword(url: string, password: string): string {
  const changed = new URL(url)
  changed.password = password
  return changed.href
}

interface Running {
  child: ChildProcess
  written(): string
  ended: Promise<number | null>
}

const started: Running[] = []

function run(entry: string, args: string[], env: Record<string, string>): Running {
  const child = spawn(process.execPath, [join(root, entry), ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const running = { child, written: () => text, ended: new Promise<number | null>((resolve) => child.once('close', resolve)) }
  started.push(running)
  return running
}

afterAll(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
})

const refusals = [
  {
    what: 'Redis refuses the password and the store the key',
    changed: () => ({
      REDIS_URL: withPassword(redis.address.url.replace('redis://', 'redis://default@'), wrong),
      AWS_SECRET_ACCESS_KEY: wrong,
    }),
    messages: [/WRONGPASS|NOAUTH/, /SignatureDoesNotMatch|403|Forbidden/],
  },
  {
    what: 'Postgres refuses the password',
    changed: () => ({ DATABASE_URL: withPassword(database.url, wrong), DATABASE_DIRECT_URL: withPassword(database.url, wrong) }),
    messages: [/password authentication failed/],
  },
] as const

const programs = [
  { name: 'gateway', entry: 'apps/gateway/src/main.ts' },
  { name: 'worker', entry: 'apps/worker/src/main.ts' },
] as const

const cases = refusals.flatMap((refusal) => programs.map((program) => ({ ...refusal, ...program })))

test.for(cases)(
  'if $what, the log of the $name contains no secrets',
  { meta: { id: 'no-secret-in-logs-of-services' }, timeout: 120_000 },
  async ({ entry, changed, messages }) => {
    const env = { ...settings, ...changed() }
    const { child, written, ended } = run(entry, [], env)
    let over = false
    void ended.then(() => (over = true))
    let asked = 0

    await waitFor(
      async () => {
        const url = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(written())?.[1]
        // Each of these requests uses the servers. A malformed token must not be logged either.
        if (url !== undefined && asked++ % 10 === 0)
          for (const path of ['/api/health', '/health/ready', `/api/assets?token=${wrong}`])
            await fetch(url + path, { headers: { authorization: `Bearer ${wrong}.${wrong}.${wrong}` } }).then((answer) => answer.text())
        return over || messages.every((pattern) => pattern.test(written()))
      },
      { what: 'the refusal to be logged', timeoutMs: 60_000 },
    )
    child.kill('SIGTERM')
    await ended

    for (const pattern of messages) expect(written()).toMatch(pattern)
    expect(linesWithSecrets(written(), env)).toEqual([])
  },
)

/** Commands that use different servers. */
const commands = [['sweep', '--dry-run'], ['jobs'], ['bucket', '--check']]

test.for(refusals)(
  'if $what, the output of ops contains no secrets',
  { meta: { id: 'no-secret-in-logs-of-ops' }, timeout: 120_000 },
  async ({ changed, messages }) => {
    const env = { ...settings, ...changed() }
    const runs = commands.map((args) => run('apps/ops/src/main.ts', args, env))
    await Promise.all(runs.map(({ ended }) => ended))
    const all = runs.map(({ written }) => written()).join('\n')

    for (const pattern of messages) expect(all).toMatch(pattern)
    expect(linesWithSecrets(all, env)).toEqual([])
  },
)

/** Lines that contain a secret of the settings, or the wrong secret. */
const linesWithSecrets = (text: string, env: Record<string, string>): string[] =>
  text
    .split('\n')
    .filter((line) => secretsIn(line, env).length > 0 || [right, wrong, endpointToken].some((secret) => line.includes(secret)))
