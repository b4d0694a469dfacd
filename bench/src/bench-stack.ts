import { execFile, fork } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureBucket, freePort, type S3Address, startStack, urlOfDatabase, waitFor, withPostgres, withRedis } from '@airlock/dev-servers'
import { environment, root } from '../../tests/npm-start.ts'
import { type Program, runToEnd, type Service, startService } from '../../tools/start/service.ts'
import type { Load, LoadResult } from './load.ts'

/** Where the measured services store objects: one that discards them, or a real one on this machine. */
export type StoreName = 'null' | 'local'

/** Servers, the null store and the load generator. */
export type BenchStack = Awaited<ReturnType<typeof startBenchStack>>

export const bucket = 'airlock-bench'
/** Time for a process to stop in order, in ms. */
export const graceMs = 10_000

/** As Redis and Valkey have by default. */
const maxRedisDatabases = 16

/** Limits that a benchmark must not meet; everything else is as it ships. */
const unlimited = { RATE_LIMIT_FILES_PER_HOUR: '100000', REQUESTS_PER_MINUTE: '1000000' }

/** Starts everything that measurements share. @param say called with one line for each server */
export async function startBenchStack(say: (line: string) => void) {
  await using opened = new AsyncDisposableStack()
  const env = environment('')
  const stack = await startStack({ ephemeral: true, env, say })
  opened.defer(() => stack.stop())
  const context = { root, env, file: stack.file }
  const jwtSecret = randomBytes(48).toString('base64url')
  const program = { root, env: { ...env, ...stack.environment, ...unlimited, JWT_SECRET: jwtSecret }, file: stack.file }

  const started: Service[] = []
  opened.defer(async () => void (await Promise.all(started.map((service) => service.stop(graceMs)))))
  const start = async (given: Program & { readonly port: number }): Promise<Service> => {
    const service = await startService({ ...given, name: `${given.name}-${started.length}` }, context)
    started.push(service)
    await Promise.race([
      listens(given.port),
      service.ended.then(() => Promise.reject(new Error(`${given.name} has ended:\n${service.lastLines().join('\n')}`))),
    ])
    return service
  }

  let redisDatabases = 0
  // Each Airlock gets its own: a worker would take the jobs of the others from a queue that they share.
  const emptyRedis = async (): Promise<string> => {
    const url = new URL(stack.redis.url)
    url.pathname = `/${redisDatabases++ % maxRedisDatabases}`
    await withRedis(url.href, (redis) => redis.flushdb())
    return url.href
  }

  const nullPort = await freePort()
  const nullStore = await start({
    name: 'null-store',
    command: [process.execPath, join(root, 'bench/src/null-store.ts'), `${nullPort}`],
    port: nullPort,
  })
  const { s3 } = stack
  const stores: Record<StoreName, S3Address> = { local: s3, null: { ...s3, endpoint: `http://127.0.0.1:${nullPort}` } }
  await ensureBucket(s3, bucket)

  const template = urlOfDatabase(stack.postgres.url, 'airlock_bench')
  await withPostgres(stack.postgres.url, (server) => server.query('create database airlock_bench'))
  await runToEnd(
    { name: 'migrate', entry: 'packages/database/src/migrate.ts' },
    { ...program, env: { ...program.env, DATABASE_URL: template } },
  )

  const generator = fork(join(root, 'bench/src/load.ts'), { serialization: 'advanced' })
  opened.defer(async () => void generator.kill())

  const kept = opened.move()
  return {
    jwtSecret,
    servers: { ...pidsOf(stack), nullStore: nullStore.pid },
    store: (name: StoreName) => stores[name],
    /** Starts a program and waits until it listens. It runs until it is stopped, at the latest with the stack. */
    start,
    /** The settings of a gateway or a worker of Airlock, with a fresh database of Postgres and of Redis. */
    async airlockSettings(store: StoreName): Promise<Record<string, string> & { DATABASE_URL: string }> {
      const name = `airlock_bench_${randomUUID().replaceAll('-', '')}`
      await withPostgres(stack.postgres.url, (server) => server.query(`create database ${name} template airlock_bench`))
      return {
        ...stack.environment,
        ...unlimited,
        JWT_SECRET: jwtSecret,
        S3_BUCKET_NAME: bucket,
        S3_ENDPOINT: stores[store].endpoint,
        S3_PUBLIC_ENDPOINT: stores[store].endpoint,
        DATABASE_URL: urlOfDatabase(stack.postgres.url, name),
        REDIS_URL: await emptyRedis(),
        HOST: '127.0.0.1',
        SHUTDOWN_NOT_READY_SECONDS: '0',
      }
    },
    /** Sends requests, and waits for all responses. @throws Error with the first response that is not a success */
    async send(load: Load): Promise<LoadResult> {
      generator.send(load)
      const [result] = (await once(generator, 'message')) as [LoadResult]
      if (result.failure !== null) throw new Error(`${load.url} answered ${result.failure}`)
      return result
    },
    close: () => kept.disposeAsync(),
  }
}

/** Builds gateway and worker, as for their images. @throws Error with what the compiler printed */
export async function buildServices(): Promise<void> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [compiler, '-b', 'apps/gateway', 'apps/worker'], { cwd: root }).catch((error) => {
    throw new Error(`Gateway and worker could not be built:\n${error.stdout}${error.stderr}`, { cause: error })
  })
}

/** The command of the image of a service, which `buildServices` has built. */
export function shippedCommand(name: 'gateway' | 'worker'): string[] {
  const dockerfile = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8')
  const command = dockerfile.match(new RegExp(`^CMD (\\[.*"apps/${name}/dist/main\\.js"\\])$`, 'm'))?.[1]
  if (command === undefined) throw new Error(`deploy/docker/Dockerfile has no command that starts apps/${name}/dist/main.js`)
  const [, ...args] = JSON.parse(command) as string[]
  return [process.execPath, ...args]
}

/** @throws Error if one of the servers is not a process of this machine, so that its CPU time is unknown */
function pidsOf({ file }: Awaited<ReturnType<typeof startStack>>) {
  const { postgres, redis, s3 } = file.record.servers
  const pid = (entry: { pid?: number | undefined } | undefined, name: string) => {
    if (entry?.pid === undefined)
      throw new Error(`${name} runs in a container: set AIRLOCK_SERVERS=local, so that its CPU time can be read`)
    return entry.pid
  }
  return { postgres: pid(postgres, 'Postgres'), redis: pid(redis, 'Redis'), s3: pid(s3, 'The store') }
}

const listens = (port: number) =>
  waitFor(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
        socket.once('connect', () => socket.destroy())
      }),
    { what: `port ${port} to be open`, timeoutMs: 40_000 },
  )
