import { readConfig, variableNames } from '@airlock/config'
import type { Stack } from '@airlock/dev-servers'

/** The addresses of the apps of this run. */
export interface Addresses {
  readonly host: string
  readonly port: number
  readonly workerPort: number
}

/** As in `.env.example`. */
const bucketName = 'zapcut-dev'

/** Short timeouts: in development there are no long requests and no load balancer. */
const shutdown = { SHUTDOWN_NOT_READY_SECONDS: '0', SHUTDOWN_GRACE_S: '5' } as const

/** Settings that describe a server besides its address. For a server that is given by URL the environment is used, for our own they are known. */
const descriptions = {
  postgres: { DATABASE_DIRECT_URL: '' },
  redis: {},
  s3: { S3_PUBLIC_ENDPOINT: '', S3_FORCE_PATH_STYLE: undefined, S3_SSE: undefined, S3_KMS_KEY_ID: '' },
} as const satisfies Record<string, Record<string, string | undefined>>

/**
 * The settings of this stack for gateway, worker and `ops`, which are stored in `stack.json`.
 *
 * @param jwtSecret generated for this stack; one in the environment takes precedence
 */
export function stackSettings(
  stack: Pick<Stack, keyof typeof descriptions | 'environment'>,
  env: NodeJS.ProcessEnv,
  jwtSecret: string,
): Record<string, string> {
  const described = Object.entries(descriptions).flatMap(([server, names]) => {
    const given = stack[server as keyof typeof descriptions].kind === 'given'
    return Object.entries(names).map(([name, ours]) => [name, (given && env[name]) || (ours ?? stack.environment[name])])
  })
  return {
    ...stack.environment,
    ...Object.fromEntries(described),
    S3_BUCKET_NAME: env.S3_BUCKET_NAME || bucketName,
    JWT_SECRET: env.JWT_SECRET || jwtSecret,
  }
}

/** The environment of a gateway or worker: that of `npm start`, the stack's servers, the addresses of this run. */
export const serviceEnvironment = (
  env: NodeJS.ProcessEnv,
  settings: Record<string, string>,
  { host, port, workerPort }: Addresses,
): NodeJS.ProcessEnv => ({
  ...shutdown,
  ...env,
  ...settings,
  AIRLOCK_ENV_FILE: '', // its values are already included
  HOST: host,
  PORT: String(port),
  WORKER_PORT: String(workerPort),
  METRICS_PORT: '', // both services would need the same port
  TRY_PAGE: env.TRY_PAGE || (env.NODE_ENV?.trim().toLowerCase() === 'production' ? 'false' : 'true'),
  // large files go from the try page straight to the bucket
  CORS_ORIGINS: [env.CORS_ORIGINS || [], ...[urlOf(host, port), `http://localhost:${port}`].map((url) => new URL(url).origin)]
    .flat()
    .join(),
})

/** Settings that name a server or its credentials. They are read only from the environment, so that a `.env` of production has no effect here. */
const ofServers = [
  'DATABASE_URL',
  'REDIS_URL',
  'S3_ENDPOINT',
  'S3_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AIRLOCK_DATA_DIR',
  ...Object.values(descriptions).flatMap((names) => Object.keys(names)),
] as const

/**
 * Adds settings of a file that are not in the environment.
 *
 * @returns the names of used settings, and of those that were ignored because they describe a server
 */
export function withEnvFile(
  env: NodeJS.ProcessEnv,
  values: Readonly<Record<string, string | undefined>>,
): { env: NodeJS.ProcessEnv; taken: string[]; left: string[] } {
  const absent = Object.keys(values).filter((name) => env[name] === undefined)
  const left = absent.filter((name) => (ofServers as readonly string[]).includes(name))
  const taken = absent.filter((name) => !left.includes(name))
  return { env: { ...Object.fromEntries(taken.map((name) => [name, values[name]])), ...env }, taken, left }
}

/** Placeholders for what the stack creates. */
const madeLater = {
  DATABASE_URL: 'postgres://127.0.0.1/airlock',
  REDIS_URL: 'redis://127.0.0.1',
  S3_BUCKET_NAME: bucketName,
  JWT_SECRET: 'stands-for-the-secret-that-npm-start-makes',
} as const

/** Checks all settings before any server is started. @throws ConfigError */
export function assertSettings(env: NodeJS.ProcessEnv): void {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  readConfig({ ...madeLater, ...set }, variableNames)
}

/** The address at which this machine reaches a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const name = everywhere[host] ?? host
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`
}
