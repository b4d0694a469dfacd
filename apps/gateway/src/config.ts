import { type Config, databaseVariables, type Environment, readConfig, sizeLimitVariables, storeVariables } from '@airlock/config'

const names = [
  ...databaseVariables,
  'DATABASE_DIRECT_URL',
  'REDIS_URL',
  ...storeVariables,
  'JWT_SECRET',
  'JWKS_URL',
  'JWT_ALGORITHMS',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'JWT_ALLOW_ANY_AUDIENCE',
  'CORS_ORIGINS',
  'TRY_PAGE',
  'TRUST_PROXY',
  'REQUESTS_PER_MINUTE',
  'HOST',
  'PORT',
  'METRICS_PORT',
  'AIRLOCK_REVISION',
  'LOG_LEVEL',
  ...sizeLimitVariables,
  'RATE_LIMIT_FILES_PER_HOUR',
  'PARKED_BYTES_PER_USER',
  'PIPELINE_SOURCE_BUCKETS',
  'PRESIGN_DEFAULT_HOURS',
  'PRESIGN_MAX_HOURS',
  'ACCESS_LOG_IP_HASH_KEY',
  'UPLOAD_MAX_SECONDS',
  'IDEMPOTENCY_LEASE_SECONDS',
  'UPLOAD_IDLE_SECONDS',
  'UPLOAD_MIN_BYTES_PER_SECOND',
  'MAX_FILES_IN_FLIGHT',
  'DIRECT_UPLOAD_MAX_SECONDS',
  'DIRECT_UPLOADS_PER_USER',
  'DIRECT_BYTES_PER_USER',
  'DIRECT_PUT_MAX_BYTES',
  'DIRECT_PART_BYTES',
  'DIRECT_URL_SECONDS',
  'SHUTDOWN_NOT_READY_SECONDS',
  'SHUTDOWN_GRACE_S',
] as const

export type GatewayConfig = Config<(typeof names)[number]>

/** @throws ConfigError naming every setting that is missing or malformed */
export const readGatewayConfig = (env: Environment): GatewayConfig => readConfig(env, names)
