import { ConfigError } from '@airlock/config'
import { expect, test } from 'vitest'
import { readWorkerConfig } from '../../src/config.ts'

const sound = { DATABASE_URL: 'postgres://airlock@db/airlock', REDIS_URL: 'redis://redis:6379', S3_BUCKET_NAME: 'zapcut-dev' }

/** An invalid value for each variable of the worker; null if any text is valid. */
const wrong: Record<keyof ReturnType<typeof readWorkerConfig>, string | null> = {
  DATABASE_URL: 'mysql://db/airlock',
  DATABASE_POOL_SIZE: '0',
  DATABASE_STATEMENT_TIMEOUT_MS: '5s',
  DATABASE_CONNECT_TIMEOUT_MS: '-1',
  DATABASE_PREPARED_STATEMENTS: 'on',
  REDIS_URL: 'http://redis',
  S3_ENDPOINT: 'store:9000',
  S3_PUBLIC_ENDPOINT: 'ftp://store',
  S3_REGION: null,
  S3_BUCKET_NAME: 'No_Bucket',
  S3_FORCE_PATH_STYLE: 'yes',
  S3_SSE: 'aes',
  S3_KMS_KEY_ID: null,
  S3_CHECKSUMS: 'never',
  S3_SERVER_SIDE_COPY: '1',
  S3_MULTIPART_COPY_FROM_BYTES: '100',
  S3_CALL_TIMEOUT_MS: '1e3',
  AWS_ACCESS_KEY_ID: null,
  AWS_SECRET_ACCESS_KEY: null,
  DATABASE_DIRECT_URL: 'mysql://db/airlock',
  ACCESS_LOG_DAYS: '0',
  EVENT_DAYS: '3',
  HOST: null,
  WORKER_PORT: '65536',
  METRICS_PORT: 'http',
  AIRLOCK_REVISION: null,
  LOG_LEVEL: 'loud',
  WORKER_QUEUES: 'images,films',
  WORKER_CONCURRENCY: '0',
  WORKER_MAX_RUNNING_PER_USER: '-1',
  WORKER_MIN_ATTEMPTS: 'many',
  RETRY_FOR_HOURS: '-1',
  RETRY_BASE_MS: '0',
  RETRY_CAP_MS: '1.5',
  MAX_IMAGE_BYTES: '10MiB',
  MAX_VIDEO_BYTES: '-1',
  MAX_TRAINING_BYTES: '',
  MAX_IMAGE_PIXELS: '100e6',
  INSPECT_PICTURE_SECONDS: '0',
  INSPECT_VIDEO_SECONDS: '1m',
  INSPECT_ARCHIVE_SECONDS: '3601',
  INSPECT_PICTURE_CPU_SECONDS: '0',
  INSPECT_VIDEO_CPU_SECONDS: 'half',
  INSPECT_ARCHIVE_CPU_SECONDS: '-1',
  INSPECT_MEMORY_MIB: '100',
  PROVENANCE_POLICY_BRAND_IMAGE: 'trusted',
  PROVENANCE_POLICY_GENERATED_VIDEO: 'yes',
  C2PA_TRUST_FILE: '/does/not/exist.pem',
  UPLOAD_MAX_SECONDS: '0',
  LEASE_SECONDS: 'a minute',
  SWEEP_INTERVAL_SECONDS: '0',
  SWEEP_REST_SECONDS: '-1',
  SWEEP_MAX_REMOVALS: '0',
  UNUSED_ASSET_DAYS: '-1',
  UNUSED_ASSET_GRACE_DAYS: 'a week',
  UPLOAD_RECORD_DAYS: '0',
  PIPELINE_RING_AFTER_SECONDS: '-1',
  PIPELINE_MAX_RUNNING_PER_PROJECT: 'few',
  WEBHOOK_URLS: 'ftp://hooks.example.com',
  WEBHOOK_SECRETS: 'secret',
  WEBHOOK_ALLOW_PRIVATE: 'yes',
  WEBHOOK_CONCURRENCY: '101',
  SHUTDOWN_GRACE_S: '-1',
}

function problemsOf(env: Record<string, string>): Record<string, string> {
  try {
    readWorkerConfig(env)
    return {}
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Object.fromEntries(error.problems.map(({ name, problem }) => [name, problem]))
  }
}

test('a worker requires only the settings of its three servers', () => {
  expect(readWorkerConfig(sound)).toMatchObject({
    WORKER_QUEUES: ['images', 'videos', 'training'],
    WORKER_CONCURRENCY: 4,
    WORKER_MAX_RUNNING_PER_USER: 0,
    WORKER_MIN_ATTEMPTS: 8,
    LEASE_SECONDS: 60,
    SWEEP_INTERVAL_SECONDS: 15,
    SWEEP_REST_SECONDS: 3600,
    SWEEP_MAX_REMOVALS: 1000,
    UNUSED_ASSET_DAYS: 90,
    UNUSED_ASSET_GRACE_DAYS: 7,
    UPLOAD_RECORD_DAYS: 30,
  })
})

test.for(Object.entries(wrong).filter(([, value]) => value))('a worker refuses to start with %s=%s', ([name, value], { expect }) => {
  expect(problemsOf({ ...sound, [name]: value as string })).toEqual({ [name]: expect.stringMatching(/^is /) })
})

test.for(Object.keys(sound))('a worker refuses to start without %s', (name, { expect }) => {
  expect(problemsOf({ ...sound, [name]: '' })).toEqual({ [name]: expect.stringContaining('is missing') })
})

test('all mistakes are reported together', () => {
  const all = Object.fromEntries(Object.entries(wrong).filter(([, value]) => value)) as Record<string, string>
  expect(Object.keys(problemsOf(all)).sort()).toEqual(Object.keys(all).sort())
})

test('a worker refuses to start if its base delay exceeds the cap', () => {
  expect(problemsOf({ ...sound, RETRY_BASE_MS: '2000', RETRY_CAP_MS: '1000' })).toEqual({ RETRY_BASE_MS: 'is above RETRY_CAP_MS' })
})
