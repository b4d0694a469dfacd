import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@airlock/dev-servers'
import { compileCache, givenStack, isolatedBucket, isolatedDatabase, privateServer, waitFor } from '@airlock/testkit'

/** A gateway and a worker as processes, with a database, a bucket and a Redis of their own. */

const root = fileURLToPath(new URL('../', import.meta.url))

export const jwtSecret = 'a-secret-for-tokens-of-this-test-alone'

export interface Service {
  readonly name: 'gateway' | 'worker'
  /** The URL of the port for requests or health. */
  readonly url: string
  readonly metricsUrl: string
  /** The lines of its log, oldest first. */
  logged(): Record<string, unknown>[]
  stop(): Promise<void>
}

export interface Services {
  readonly gateway: Service
  readonly worker: Service
  readonly databaseUrl: string
  readonly redisUrl: string
  /** Stops both, and removes what they used. */
  close(): Promise<void>
}

/** Starts both. @param env further settings */
export async function startServices(env: Readonly<Record<string, string>> = {}): Promise<Services> {
  const [database, bucket, redis] = await Promise.all([isolatedDatabase(), isolatedBucket(), privateServer('redis')])
  const stops: (() => Promise<void>)[] = []
  const close = async () => {
    await Promise.all(stops.map((stop) => stop()))
    await Promise.all([database.drop(), bucket.drop(), redis.drop()])
  }
  const { s3 } = givenStack()
  const [gatewayPort, gatewayMetrics, workerPort, workerMetrics] = await freePorts(4)
  const settings = {
    ...compileCache(),
    PATH: process.env.PATH ?? '',
    DATABASE_URL: database.url,
    REDIS_URL: redis.address.url,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    S3_BUCKET_NAME: bucket.bucket,
    S3_FORCE_PATH_STYLE: 'true',
    S3_SSE: 'none',
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    JWT_SECRET: jwtSecret,
    AIRLOCK_ENV_FILE: '',
    AIRLOCK_REVISION: '0123abc',
    HOST: '127.0.0.1',
    PORT: String(gatewayPort),
    WORKER_PORT: String(workerPort),
    SHUTDOWN_NOT_READY_SECONDS: '0',
    ...env,
  }
  const start = async (name: Service['name'], port: number | undefined, metricsPort: number | undefined): Promise<Service> => {
    const child = spawn(process.execPath, [join(root, 'apps', name, 'src/main.ts')], {
      cwd: root,
      env: { ...settings, METRICS_PORT: String(metricsPort) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    const stop = async () => {
      child.kill('SIGTERM')
      await ended
    }
    stops.push(stop)
    const metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`
    const responds = () =>
      fetch(metricsUrl).then(
        ({ ok }) => ok,
        () => false,
      )
    await waitFor(responds, { what: `metrics of the ${name}`, timeoutMs: 40_000 })
    const logged = () => output.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
    return { name, url: `http://127.0.0.1:${port}`, metricsUrl, logged, stop }
  }
  try {
    const [gateway, worker] = await Promise.all([start('gateway', gatewayPort, gatewayMetrics), start('worker', workerPort, workerMetrics)])
    return { gateway, worker, databaseUrl: database.url, redisUrl: redis.address.url, close }
  } catch (error) {
    await close()
    throw error
  }
}
