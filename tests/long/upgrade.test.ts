import { execFileSync } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBucket, freePorts, type Stack, startStack, urlOfDatabase, waitFor, withPostgres } from '@airlock/dev-servers'
import { ask, type Client, gatewayClient, tokenFor } from '@airlock/testkit/http'
import { samples } from '@airlock/testkit/samples'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { startService } from '../../tools/start/service.ts'
import { ready } from '../chaos/cluster.ts'
import { environment, root } from '../npm-start.ts'

/** The release before this one, which runs beside it during an upgrade. */
const { commit } = JSON.parse(readFileSync(join(root, 'packages/database/previous-release.json'), 'utf8')) as { commit: string }

// Within this clone, so that the previous release finds the installed packages in a folder above.
mkdirSync(join(root, '.airlock'), { recursive: true })
const folder = mkdtempSync(join(root, '.airlock', 'upgrade-'))
const folders = { previous: join(folder, 'previous'), new: root.replace(/\/$/, '') } as const
type Version = keyof typeof folders

const jwtSecret = randomBytes(48).toString('base64url')
const unavailable = hasHistory() ? '' : `the commit of the previous release, ${commit}, is not in the history of this clone`
let stack: Stack

beforeAll(async () => {
  if (unavailable) return
  checkOut(folders.previous)
  stack = await startStack({ ephemeral: true, env: environment(''), say: () => {} })
})
beforeEach(({ skip }) => skip(unavailable !== '', unavailable))
afterAll(async () => {
  await stack?.stop()
  rmSync(folder, { recursive: true })
})

function hasHistory(): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: root, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Writes the files of the previous release. It uses the installed packages of this one if its lock file is the same; otherwise npm installs them. */
function checkOut(to: string): void {
  mkdirSync(to)
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 1024 ** 3 })
  execFileSync('tar', ['-x', '-C', to], { input: archive })
  const [ours, theirs] = [root, to].map((path) =>
    createHash('sha256')
      .update(readFileSync(join(path, 'package-lock.json')))
      .digest('hex'),
  )
  if (ours !== theirs) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: to, stdio: 'inherit' })
    return
  }
  // relative links to its own packages and apps
  cpSync(join(root, 'node_modules/@airlock'), join(to, 'node_modules/@airlock'), { recursive: true, verbatimSymlinks: true })
}

interface Case {
  readonly schema: Version
  readonly gateway: Version
  readonly worker: Version
}

const cases: readonly Case[] = [
  // after the migration, while gateways and workers are replaced one by one
  { schema: 'new', gateway: 'previous', worker: 'previous' },
  { schema: 'new', gateway: 'new', worker: 'previous' },
  { schema: 'new', gateway: 'previous', worker: 'new' },
  { schema: 'new', gateway: 'new', worker: 'new' },
  // before the migration, if somebody mistakes the order
  { schema: 'previous', gateway: 'new', worker: 'new' },
]

test.each(cases)(
  'with the $schema schema, a $gateway gateway and a $worker worker process whole uploads',
  async ({ schema, ...versions }) => {
    const { env, baseUrl } = await installation(schema)
    const [gatewayPort, workerPort] = [new URL(baseUrl).port, String((await freePorts(1))[0])]
    await run(versions.gateway, 'apps/gateway/src/main.ts', { ...env, PORT: gatewayPort })
    await run(versions.worker, 'apps/worker/src/main.ts', { ...env, WORKER_PORT: workerPort })
    const urls = [baseUrl, `http://127.0.0.1:${workerPort}`]
    await Promise.all(urls.map(ready))
    const userId = randomUUID()
    const client = gatewayClient({ baseUrl, token: tokenFor(userId, jwtSecret), jobTimeoutMs: 120_000 })

    const assets = [
      await becomesAsset(client, samples.photo, { asset_type: 'brand_image' }),
      await becomesAsset(client, samples.scene, { asset_type: 'generated_video', project_id: randomUUID() }),
    ]

    expect(await completedAssets(baseUrl, userId, assets.length)).toEqual(new Set(assets))
    for (const url of urls) expect((await fetch(`${url}/metrics`)).status).toBe(200)
  },
)

/** A separate database, bucket and Redis for one case, whose schema a release has migrated. */
async function installation(schema: Version): Promise<{ env: NodeJS.ProcessEnv; baseUrl: string }> {
  const name = `upgrade_${randomUUID().slice(0, 8)}`
  await withPostgres(stack.postgres.url, (server) => server.query(`create database ${name}`))
  const bucket = name.replace('_', '-')
  await ensureBucket(stack.s3, bucket)
  redisDatabases += 1
  const env = {
    ...environment(''),
    ...stack.environment,
    DATABASE_URL: urlOfDatabase(stack.postgres.url, name),
    REDIS_URL: `${stack.redis.url}/${redisDatabases}`,
    S3_BUCKET_NAME: bucket,
    S3_PUBLIC_ENDPOINT: stack.s3.endpoint,
    JWT_SECRET: jwtSecret,
    HOST: '127.0.0.1',
    SHUTDOWN_NOT_READY_SECONDS: '0',
  }
  execFileSync(process.execPath, [join(folders[schema], 'packages/database/src/migrate.ts')], { env, cwd: folders[schema] })
  return { env, baseUrl: `http://127.0.0.1:${(await freePorts(1))[0]}` }
}
let redisDatabases = 0

/** Starts a program of a version; at the end of the test it stops, and must not have ended by itself. */
async function run(version: Version, program: string, env: NodeJS.ProcessEnv): Promise<void> {
  const logFile = join(folder, `${randomUUID()}.log`)
  const context = { root: folders[version], env, file: stack.file }
  const service = await startService({ name: program, entry: program, logFile }, context)
  onTestFinished(async () => {
    await service.stop(30_000)
    expect(await service.ended, service.lastLines().join('\n')).toEqual({ code: 0, signal: null })
  })
}

/** Sends a file, and downloads what it becomes. @returns the id of its asset */
async function becomesAsset(
  client: Client,
  sample: (typeof samples)[keyof typeof samples],
  fields: Record<string, string>,
): Promise<string> {
  const bytes = Buffer.from(sample.bytes)
  const outcome = await client.send({ name: sample.filename, mediaType: sample.declaredType, bytes, fields })
  if (outcome.status !== 'completed') throw new Error(JSON.stringify(outcome))
  expect(bytes.equals((await client.download(outcome.assetId)).bytes)).toBe(true)
  return outcome.assetId
}

/** Waits until the feed has so many completed uploads. @returns their assets */
async function completedAssets(baseUrl: string, userId: string, count: number): Promise<Set<string>> {
  const url = `${baseUrl}/api/events?types=upload.completed`
  const token = tokenFor(userId, jwtSecret, { scope: 'service' })
  const events = await waitFor(
    async () => {
      const { events } = (await ask(url, { token })).body as { events: { data: { asset_id: string; user_id: string } }[] }
      return events.length >= count && events
    },
    { what: `${count} events`, timeoutMs: 60_000, everyMs: 200 },
  )
  return new Set(events.map(({ data }) => data.asset_id))
}
