import {
  type Config,
  databaseVariables,
  type Environment,
  inspectionVariables,
  readConfig,
  storeVariables,
  sweepVariables,
  webhookVariables,
} from '@airlock/config'

const names = [
  ...databaseVariables,
  'DATABASE_DIRECT_URL',
  'REDIS_URL',
  ...storeVariables,
  'HOST',
  'WORKER_PORT',
  'METRICS_PORT',
  'AIRLOCK_REVISION',
  'LOG_LEVEL',
  'WORKER_QUEUES',
  'WORKER_CONCURRENCY',
  'WORKER_MAX_RUNNING_PER_USER',
  'WORKER_MIN_ATTEMPTS',
  'RETRY_FOR_HOURS',
  'RETRY_BASE_MS',
  'RETRY_CAP_MS',
  'PIPELINE_MAX_RUNNING_PER_PROJECT',
  ...inspectionVariables,
  ...sweepVariables,
  ...webhookVariables,
  'ACCESS_LOG_DAYS',
  'EVENT_DAYS',
  'SHUTDOWN_GRACE_S',
] as const

export type WorkerConfig = Config<(typeof names)[number]>

/** @throws ConfigError naming every setting that is missing or malformed */
export const readWorkerConfig = (env: Environment): WorkerConfig => readConfig(env, names)
