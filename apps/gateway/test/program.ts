import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { compileCache, givenStack, isolatedBucket, isolatedDatabase, mustHoldNoSecret } from '@airlock/testkit'
import { expect } from 'vitest'
import { jwtSecret } from './gateway.ts'

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Ended {
  code: number | null
  out: string
  err: string
}

export interface Program {
  child: ChildProcess
  out(): string
  ended: Promise<Ended>
}

/** Runs the gateway as a separate process, whose environment has only the given settings. */
export function run(env: Record<string, string>): Program {
  const child = spawn(process.execPath, [program], {
    env: { ...compileCache(), AIRLOCK_ENV_FILE: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err }))).then((result) => {
    mustHoldNoSecret('the gateway', env, out + err)
    return result
  })
  return { child, out: () => out, ended }
}

export interface RunningProgram extends Program {
  url: string
  databaseUrl: string
  /** The lines that it logged, oldest first. */
  logged(): { msg: string; phase?: string }[]
  drop(): Promise<void>
}

/** A gateway that is ready, as a separate process with its own database and bucket. It stops without a pause by default. */
export async function running(env: Record<string, string> = {}): Promise<RunningProgram> {
  const [db, bucket] = await Promise.all([isolatedDatabase(), isolatedBucket()])
  const { s3, redis } = givenStack()
  const gateway = run({
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
    HOST: '127.0.0.1',
    PORT: '0',
    SHUTDOWN_NOT_READY_SECONDS: '0',
    ...env,
  })
  const drop = async () => {
    gateway.child.kill('SIGKILL')
    try {
      await gateway.ended
    } finally {
      await Promise.all([db.drop(), bucket.drop()])
    }
  }
  const lines = () => gateway.out().split('\n').slice(0, -1)
  try {
    await expect.poll(gateway.out, { timeout: 20_000 }).toContain('Server listening at')
    const url = /listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(gateway.out())?.[1] ?? ''
    await expect.poll(async () => (await fetch(`${url}/health/ready`)).status, { timeout: 5000 }).toBe(200)
    return { ...gateway, url, databaseUrl: db.url, logged: () => lines().map((line) => JSON.parse(line)), drop }
  } catch (error) {
    await drop()
    throw error
  }
}
