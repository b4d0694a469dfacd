import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Environment, readEnvFile } from '@airlock/config'

/** The variables that name servers. If the environment names a different server, none is taken from a running stack. */
const addresses = ['DATABASE_URL', 'REDIS_URL', 'S3_ENDPOINT', 'S3_BUCKET_NAME'] as const

/** Verifies and signs tokens. It names no server, so it is filled in independently. */
const signingKey = 'JWT_SECRET'

/** Where `npm start` keeps its data: `.airlock` in the clone, unless the environment says otherwise. */
export const dataFolder = (env: Environment): string => env.AIRLOCK_DATA_DIR || fileURLToPath(new URL('../../../.airlock', import.meta.url))

/**
 * The settings of a command: the environment first, then those of an `npm start` running in this folder, then `.env`. A file that
 * describes production does not hide the running stack.
 *
 * @param env usually `process.env`; not modified
 * @throws Error if `stack.json` or `.env` exists and can't be read
 */
export function settingsOf(env: Environment): Environment {
  return { ...readEnvFile(env)?.values, ...withStackSettings(env) }
}

/**
 * The environment, completed with the settings of a running `npm start` from `stack.json`, so that `npm run ops` needs no settings there.
 *
 * Servers are taken from there all together or not at all: another database must never be combined with the development bucket. Credentials
 * alone name no server; they are replaced, since they would not match the stack.
 */
export function withStackSettings(env: Environment): Environment {
  const stack = runningStack(join(dataFolder(env), 'stack.json'))
  const { [signingKey]: secret, ...servers } = stack
  const filled = env[signingKey] ? env : { ...env, ...(secret && { [signingKey]: secret }) }
  const elsewhere = addresses.some((name) => env[name] && env[name] !== servers[name])
  return elsewhere ? filled : { ...filled, ...servers }
}

/** The `environment` of a stack file, as passed to gateway and worker. Empty if nothing is running. */
function runningStack(file: string): Record<string, string> {
  const text = readIfThere(file)
  if (text === null) return {}
  try {
    const { environment = {}, owner } = JSON.parse(text) as { environment?: Record<string, string>; owner?: { pid: number } | null }
    return owner && isAlive(owner.pid) ? environment : {}
  } catch (cause) {
    throw new Error(`${file} is damaged; 'npm start' rewrites it`, { cause })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // another user's
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
