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

test('only the required settings must be set, all others have defaults', () => {
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
  JWT_SECRET: 'too short',
  JWKS_URL: 'file:///etc/keys.json',
  JWT_ALGORITHMS: 'HS256,none',
  JWT_ISSUER: null,
  JWT_AUDIENCE: null,
  JWT_ALLOW_ANY_AUDIENCE: 'maybe',
  CORS_ORIGINS: 'https://app.example.com/',
  TRY_PAGE: 'maybe',
  TRUST_PROXY: 'true',
  REQUESTS_PER_MINUTE: '0',
  HOST: null,
  PORT: '65536',
  WORKER_PORT: 'http',
  METRICS_PORT: '-1',
  AIRLOCK_REVISION: null,
  LOG_LEVEL: 'loud',
  WORKER_QUEUES: 'images,audio',
  WORKER_CONCURRENCY: '0',
  WORKER_MAX_RUNNING_PER_USER: '-1',
  WORKER_MIN_ATTEMPTS: '1.5',
  RETRY_FOR_HOURS: 'a day',
  RETRY_BASE_MS: '0',
  RETRY_CAP_MS: 'soon',
  MAX_IMAGE_BYTES: '10MiB',
  MAX_VIDEO_BYTES: '0x10',
  MAX_TRAINING_BYTES: '-5',
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
  RATE_LIMIT_FILES_PER_HOUR: 'many',
  PARKED_BYTES_PER_USER: '10 GiB',
  PRESIGN_DEFAULT_HOURS: '0',
  PRESIGN_MAX_HOURS: '169',
  UPLOAD_MAX_SECONDS: 'inf',
  IDEMPOTENCY_LEASE_SECONDS: '0',
  UPLOAD_IDLE_SECONDS: '0',
  UPLOAD_MIN_BYTES_PER_SECOND: 'slow',
  MAX_FILES_IN_FLIGHT: '0',
  DIRECT_UPLOAD_MAX_SECONDS: '200000',
  DIRECT_UPLOADS_PER_USER: '-1',
  DIRECT_BYTES_PER_USER: '64 GiB',
  DIRECT_PUT_MAX_BYTES: '16M',
  DIRECT_PART_BYTES: '1048576',
  DIRECT_URL_SECONDS: '1',
  LEASE_SECONDS: '0',
  SWEEP_INTERVAL_SECONDS: '0',
  SWEEP_REST_SECONDS: '-1',
  SWEEP_MAX_REMOVALS: '0',
  UNUSED_ASSET_DAYS: '-1',
  UNUSED_ASSET_GRACE_DAYS: 'a week',
  UPLOAD_RECORD_DAYS: '0',
  PIPELINE_RING_AFTER_SECONDS: 'soon',
  PIPELINE_MAX_RUNNING_PER_PROJECT: '-1',
  PIPELINE_SOURCE_BUCKETS: 'renders,No_Bucket',
  WEBHOOK_URLS: 'hooks.example.com',
  WEBHOOK_SECRETS: 'whsec_short',
  WEBHOOK_ALLOW_PRIVATE: '1',
  WEBHOOK_CONCURRENCY: '0',
  ACCESS_LOG_IP_HASH_KEY: 'too short',
  ACCESS_LOG_DAYS: '0',
  EVENT_DAYS: '3',
  SHUTDOWN_NOT_READY_SECONDS: '601',
  SHUTDOWN_GRACE_S: '-1',
}

test.for(Object.entries(malformed).filter(([, value]) => value !== null))(
  'a malformed %s is reported and never replaced by a default',
  ([name, value]) => {
    expect(Object.keys(problemsOf({ ...sound, [name]: value as string }))).toEqual([name])
  },
)

test.for(variableNames.filter((name) => !('default' in variables[name])))('a missing %s is reported', (name) => {
  const { [name]: _gone, ...rest } = sound as Record<string, string>
  expect(problemsOf(rest)).toEqual({ [name]: expect.stringContaining('is missing') })
})

test('all mistakes are reported together, one per line', () => {
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

test('contradictory settings are reported', () => {
  const ownBucket = `renders, ${sound.S3_BUCKET_NAME}`
  expect(problemsOf({ ...sound, PIPELINE_SOURCE_BUCKETS: ownBucket })).toEqual({
    PIPELINE_SOURCE_BUCKETS: expect.stringContaining('S3_BUCKET_NAME'),
  })
  expect(problemsOf({ ...sound, S3_SSE: 'aws:kms' })).toEqual({ S3_KMS_KEY_ID: expect.stringContaining('aws:kms') })
  expect(problemsOf({ ...sound, AWS_ACCESS_KEY_ID: 'id' })).toHaveProperty('AWS_SECRET_ACCESS_KEY')
  expect(problemsOf({ ...sound, AWS_SECRET_ACCESS_KEY: 'key' })).toHaveProperty('AWS_ACCESS_KEY_ID')
  expect(problemsOf({ ...sound, PRESIGN_DEFAULT_HOURS: '48', PRESIGN_MAX_HOURS: '24' })).toHaveProperty('PRESIGN_DEFAULT_HOURS')
  expect(problemsOf({ ...sound, RETRY_BASE_MS: '20', RETRY_CAP_MS: '10' })).toHaveProperty('RETRY_BASE_MS')
})

const places: [where: string, env: Record<string, string>, reached: boolean][] = [
  ['without a HOST', {}, false],
  ['on 127.0.0.1', { HOST: '127.0.0.1' }, false],
  ['on 127.8.8.8', { HOST: '127.8.8.8' }, false],
  ['on localhost', { HOST: 'localhost' }, false],
  ['on ::1', { HOST: '::1' }, false],
  ['on all addresses', { HOST: '0.0.0.0' }, true],
  ['on all addresses of IPv6', { HOST: '::' }, true],
  ['on an address of a network', { HOST: '10.0.0.7' }, true],
  ['on a host name that begins like a loopback address', { HOST: '127.0.0.1.example.com' }, true],
  ['on all addresses, for development', { HOST: '0.0.0.0', NODE_ENV: 'development' }, true],
  ['on loopback in production', { NODE_ENV: 'production' }, true],
  ['on loopback in Production with a capital', { NODE_ENV: ' Production' }, true],
]

test.for(places)(
  '%s, the example secret and keys over plain HTTP are refused if other machines can connect: %o %s',
  { meta: { id: 'unsafe-settings-refused' } },
  ([, env, reached]) => {
    const example = problemsOf({ ...sound, JWT_SECRET: exampleJwtSecret, ...env })
    const plain = problemsOf({ ...sound, JWKS_URL: 'http://id.example.com/jwks.json', JWT_AUDIENCE: 'airlock', ...env })

    expect(example).toEqual(reached ? { JWT_SECRET: expect.stringContaining('is the example value') } : {})
    expect(plain).toEqual(reached ? { JWKS_URL: expect.stringContaining('is not https') } : {})
  },
)

test.for([
  ['is served in development', {}, false],
  ['is served where NODE_ENV is development', { NODE_ENV: 'development' }, false],
  ['is refused in production', { NODE_ENV: 'production' }, true],
  ['is refused in Production with a capital', { NODE_ENV: ' Production' }, true],
] as const)('the try page %s', ([, env, refused]) => {
  const problems = problemsOf({ ...sound, TRY_PAGE: 'true', ...env })
  expect(problems).toEqual(refused ? { TRY_PAGE: expect.stringContaining('is true with NODE_ENV=production') } : {})
  expect(problemsOf({ ...sound, ...env })).toEqual({})
})

test('the example secret is refused among other secrets too', () => {
  const env = { ...sound, JWT_SECRET: `${'y'.repeat(32)},${exampleJwtSecret}`, HOST: '0.0.0.0' }
  expect(problemsOf(env)).toEqual({ JWT_SECRET: expect.stringContaining('is the example value') })
})

test('keys may be fetched over plain HTTP from this machine', () => {
  for (const host of ['127.0.0.1:8080', 'localhost', '[::1]:8080'])
    expect(problemsOf({ ...sound, JWKS_URL: `http://${host}/jwks.json`, JWT_AUDIENCE: 'airlock', HOST: '0.0.0.0' })).toEqual({})
})

test('JWKS_URL requires an audience, unless any audience is allowed', { meta: { id: 'audience-required' } }, () => {
  const env = { ...sound, JWKS_URL: 'https://id.example.com/jwks.json' }
  expect(problemsOf(env)).toEqual({ JWT_AUDIENCE: expect.stringContaining('JWT_ALLOW_ANY_AUDIENCE=true allows it') })
  expect(problemsOf({ ...env, JWT_AUDIENCE: 'airlock' })).toEqual({})
  expect(problemsOf({ ...env, JWT_ALLOW_ANY_AUDIENCE: 'true' })).toEqual({})
  expect(problemsOf(sound)).toEqual({})
})

test('tokens require a secret or a JWKS_URL, and each algorithm its keys', () => {
  const { JWT_SECRET: _gone, ...rest } = sound
  const keys = { JWKS_URL: 'https://id.example.com/jwks.json', JWT_AUDIENCE: 'airlock' }
  expect(problemsOf(rest)).toEqual({ JWT_SECRET: expect.stringContaining('is missing: it or JWKS_URL') })
  expect(readConfig({ ...rest, ...keys }, variableNames)).toMatchObject({ JWT_SECRET: [], ...keys, JWT_ALGORITHMS: null })
  expect(readConfig({ ...sound, ...keys, JWT_ALGORITHMS: 'HS256, ES256' }, variableNames).JWT_ALGORITHMS).toEqual(['HS256', 'ES256'])
  expect(problemsOf({ ...rest, ...keys, JWT_ALGORITHMS: 'HS256,ES256' })).toEqual({ JWT_ALGORITHMS: expect.stringContaining('HS256') })
  expect(problemsOf({ ...sound, JWT_ALGORITHMS: 'HS256,ES256' })).toEqual({ JWT_ALGORITHMS: expect.stringContaining('JWKS_URL') })
  expect(problemsOf({ ...sound, ...keys, JWT_ALGORITHMS: 'HS256' })).toEqual({
    JWT_ALGORITHMS: expect.stringContaining('contains no algorithm'),
  })
})

test('trusted proxies are a number or networks, never all', () => {
  const read = (TRUST_PROXY: string) => readConfig({ TRUST_PROXY }, ['TRUST_PROXY']).TRUST_PROXY
  expect(read('')).toBeNull()
  expect(read('2')).toBe(2)
  expect(read('10.0.0.0/8, ::1, fd00::/8')).toEqual(['10.0.0.0/8', '::1', 'fd00::/8'])
  for (const wrong of ['0', '-1', '*', '10.0.0.0/33', '10.0.0.0/8/8', 'proxy.local', 'fd00::/129', '10.0.0.0/'])
    expect(() => read(wrong), wrong).toThrow(ConfigError)
})

test('allowed origins must be written as browsers send them', () => {
  const read = (CORS_ORIGINS: string) => readConfig({ CORS_ORIGINS }, ['CORS_ORIGINS']).CORS_ORIGINS
  expect(read('')).toEqual([])
  expect(read('https://app.example.com, http://localhost:5173')).toEqual(['https://app.example.com', 'http://localhost:5173'])
  for (const wrong of ['*', 'null', 'app.example.com', 'https://app.example.com/path', 'https://*.example.com,', 'ftp://x'])
    expect(() => read(wrong), wrong).toThrow(ConfigError)
})

test('several secrets can be set for rotation, none of them short', () => {
  const two = `${'a'.repeat(32)}, ${'b'.repeat(40)}`
  expect(readConfig({ ...sound, JWT_SECRET: two }, ['JWT_SECRET']).JWT_SECRET).toEqual(['a'.repeat(32), 'b'.repeat(40)])
  expect(problemsOf({ ...sound, JWT_SECRET: `${'a'.repeat(32)},b` })).toHaveProperty('JWT_SECRET')
})
