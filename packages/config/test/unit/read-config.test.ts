import { expect, test } from 'vitest'
import { ConfigError, exampleJwtSecret, readConfig, type VariableName, variableNames, variables } from '../../src/index.ts'

const sound = {
  DATABASE_URL: 'postgres://airlock:secret-password@db:5432/airlock',
  REDIS_URL: 'redis://redis:6379',
  S3_BUCKET_NAME: 'zapcut-dev',
  JWT_SECRET: 'x'.repeat(32),
}

function problemsOf(env: Record<string, string>, names: readonly VariableName[] = variableNames): Record<string, string> {
  try {
    readConfig(env, names)
  } catch (error) {
    if (error instanceof ConfigError) return Object.fromEntries(error.problems.map(({ name, problem }) => [name, problem]))
    throw error
  }
  return {}
}

test('what is required and nothing else is enough, everything else has its default', () => {
  const config = readConfig(sound, variableNames)

  expect(config.PORT).toBe(3000)
  expect(config.S3_ENDPOINT).toBeNull()
  expect(config.WORKER_QUEUES).toEqual(['images', 'videos', 'training'])
  expect(config.S3_FORCE_PATH_STYLE).toBe(false)
  expect(config.MAX_IMAGE_BYTES).toBe(10_485_760)
})

test('an empty or blank variable counts as absent', () => {
  expect(readConfig({ ...sound, PORT: ' ' }, ['PORT']).PORT).toBe(3000)
  expect(problemsOf({ ...sound, S3_BUCKET_NAME: '' })).toEqual({ S3_BUCKET_NAME: expect.stringContaining('is missing') })
})

const malformed: Record<VariableName, string | null> = {
  DATABASE_URL: 'mysql://db/airlock',
  DATABASE_DIRECT_URL: 'db:5432',
  DATABASE_POOL_SIZE: '0',
  DATABASE_STATEMENT_TIMEOUT_MS: '5s',
  DATABASE_CONNECT_TIMEOUT_MS: '-1',
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
  JWT_SECRET: 'too short',
  HOST: null,
  PORT: '65536',
  WORKER_PORT: 'http',
  LOG_LEVEL: 'loud',
  WORKER_QUEUES: 'images,audio',
  WORKER_CONCURRENCY: '0',
  WORKER_MAX_ATTEMPTS: '1.5',
  RETRY_BASE_MS: '0',
  RETRY_CAP_MS: 'soon',
  MAX_IMAGE_BYTES: '10MiB',
  MAX_VIDEO_BYTES: '0x10',
  MAX_TRAINING_BYTES: '-5',
  RATE_LIMIT_FILES_PER_HOUR: 'many',
  PRESIGN_DEFAULT_HOURS: '0',
  PRESIGN_MAX_HOURS: '169',
  UPLOAD_MAX_SECONDS: 'inf',
  UPLOAD_IDLE_SECONDS: '0',
  UPLOAD_MIN_BYTES_PER_SECOND: 'slow',
  MAX_FILES_IN_FLIGHT: '0',
  LEASE_SECONDS: '0',
  SWEEP_INTERVAL_SECONDS: '0',
  SHUTDOWN_GRACE_S: '-1',
}

test.for(Object.entries(malformed).filter(([, value]) => value !== null))(
  'a malformed %s is named, and never replaced by a default',
  ([name, value]) => {
    expect(Object.keys(problemsOf({ ...sound, [name]: value as string }))).toEqual([name])
  },
)

test.for(variableNames.filter((name) => !('default' in variables[name])))('%s is named when it is missing', (name) => {
  const { [name]: _gone, ...rest } = sound as Record<string, string>
  expect(problemsOf(rest)).toEqual({ [name]: expect.stringContaining('is missing') })
})

test('all mistakes come together, aligned, a line each', () => {
  const env = { ...sound, S3_BUCKET_NAME: '', RATE_LIMIT_FILES_PER_HOUR: 'many', JWT_SECRET: '9 bytes..' }

  expect(() => readConfig(env, variableNames)).toThrow(
    [
      "Airlock can't start, 3 settings need a look:",
      '  S3_BUCKET_NAME             is missing: the bucket of this environment, for example zapcut-dev',
      '  JWT_SECRET                 is malformed: at least 32 bytes, it has 9 (openssl rand -base64 48)',
      "  RATE_LIMIT_FILES_PER_HOUR  is 'many': a whole number from 1 to 100000",
    ].join('\n'),
  )
})

test('a malformed URL with a password does not show it', () => {
  const message = JSON.stringify(
    problemsOf({ ...sound, DATABASE_URL: 'mysql://airlock:secret-password@db/airlock', JWT_SECRET: 'secret-password' }),
  )
  expect(message).not.toContain('secret-password')
})

test('settings that contradict each other are named', () => {
  expect(problemsOf({ ...sound, S3_SSE: 'aws:kms' })).toEqual({ S3_KMS_KEY_ID: expect.stringContaining('aws:kms') })
  expect(problemsOf({ ...sound, AWS_ACCESS_KEY_ID: 'id' })).toHaveProperty('AWS_SECRET_ACCESS_KEY')
  expect(problemsOf({ ...sound, AWS_SECRET_ACCESS_KEY: 'key' })).toHaveProperty('AWS_ACCESS_KEY_ID')
  expect(problemsOf({ ...sound, PRESIGN_DEFAULT_HOURS: '48', PRESIGN_MAX_HOURS: '24' })).toHaveProperty('PRESIGN_DEFAULT_HOURS')
  expect(problemsOf({ ...sound, RETRY_BASE_MS: '20', RETRY_CAP_MS: '10' })).toHaveProperty('RETRY_BASE_MS')
})

test('the example secret is refused in production only', () => {
  const env = { ...sound, JWT_SECRET: exampleJwtSecret }
  expect(problemsOf(env)).toEqual({})
  expect(problemsOf({ ...env, NODE_ENV: 'production' })).toHaveProperty('JWT_SECRET')
})

test('several secrets may be given for rotation, none of them short', () => {
  const two = `${'a'.repeat(32)}, ${'b'.repeat(40)}`
  expect(readConfig({ ...sound, JWT_SECRET: two }, ['JWT_SECRET']).JWT_SECRET).toEqual(['a'.repeat(32), 'b'.repeat(40)])
  expect(problemsOf({ ...sound, JWT_SECRET: `${'a'.repeat(32)},b` })).toHaveProperty('JWT_SECRET')
})
