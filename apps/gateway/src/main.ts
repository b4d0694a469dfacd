import { sleep } from '@airlock/async'
import {
  buildOf,
  databaseSettings,
  errorsInLogs,
  loadEnvFile,
  type ShutdownPhase,
  serveMetrics,
  shutDownAtSignal,
  sizeLimits,
  startService,
  storeSettings,
} from '@airlock/config'
import { listenForFeed, listenForMoves, openDatabase } from '@airlock/database'
import { failFastConnection, JobQueue } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import { BufferedLines, startTelemetry } from '@airlock/telemetry'
import { pino } from 'pino'
import { buildGateway, type Gateway } from './app.ts'
import { remoteKeys } from './auth/remote-keys.ts'
import { type GatewayConfig, readGatewayConfig } from './config.ts'
import { tryPageFolders } from './try-page/page-files.ts'
import { recentRefusals } from './upload/file-counter.ts'

/** Starts a gateway, and shuts it down in order on a signal. */
async function start(config: GatewayConfig, envFile: string | null): Promise<void> {
  const build = buildOf(new URL('../package.json', import.meta.url), config.AIRLOCK_REVISION)
  const telemetry = await startTelemetry(process.env, { serviceName: 'airlock-gateway', version: build.version })
  const { tracing } = telemetry
  const log = pino({ level: config.LOG_LEVEL, base: { service: 'gateway' }, ...errorsInLogs, ...telemetry.logOptions }, logOutput())
  telemetry.reportTo(log)
  if (envFile !== null) log.info({ envFile }, 'settings read from a file, environment variables take precedence')
  const onError = (err: Error) => log.warn({ err }, 'redis unreachable')
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-gateway', log, tracing })
  const redis = failFastConnection(config.REDIS_URL, { onError })
  const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError, telemetry: telemetry.queue })
  const store = s3ObjectStore({
    ...storeSettings(config),
    tracing,
    onLeftover: ({ key, error: err }) => log.warn({ key, err }, 'object not removed, the sweeper will'),
  })
  const url = config.DATABASE_DIRECT_URL ?? config.DATABASE_URL
  const gateway = await buildGateway({
    database,
    store,
    jobQueue,
    counter: recentRefusals(),
    log,
    telemetry,
    build,
    metricsPort: config.METRICS_PORT,
    bucket: config.S3_BUCKET_NAME,
    tokens: {
      secrets: config.JWT_SECRET,
      remote: config.JWKS_URL === null ? null : remoteKeys(config.JWKS_URL),
      algorithms: config.JWT_ALGORITHMS,
      issuer: config.JWT_ISSUER,
      audience: config.JWT_AUDIENCE,
    },
    requestLimit: { perMinute: config.REQUESTS_PER_MINUTE, redis, keyPrefix: 'airlock' },
    corsOrigins: config.CORS_ORIGINS,
    tryPage: config.TRY_PAGE ? tryPageFolders : undefined,
    trustProxy: config.TRUST_PROXY,
    sizeLimits: sizeLimits(config),
    filesPerHour: config.RATE_LIMIT_FILES_PER_HOUR,
    parkedBytesPerUser: config.PARKED_BYTES_PER_USER,
    sourceBuckets: config.PIPELINE_SOURCE_BUCKETS,
    ipHashKey: config.ACCESS_LOG_IP_HASH_KEY,
    presignHours: { default: config.PRESIGN_DEFAULT_HOURS, max: config.PRESIGN_MAX_HOURS },
    direct: {
      openUploadsPerUser: config.DIRECT_UPLOADS_PER_USER,
      openBytesPerUser: config.DIRECT_BYTES_PER_USER,
      openSeconds: config.DIRECT_UPLOAD_MAX_SECONDS,
      urlSeconds: config.DIRECT_URL_SECONDS,
      partBytes: config.DIRECT_PART_BYTES,
      putMaxBytes: config.DIRECT_PUT_MAX_BYTES,
    },
    idempotencyLeaseSeconds: config.IDEMPOTENCY_LEASE_SECONDS,
    bodyTimeouts: {
      maxSeconds: config.UPLOAD_MAX_SECONDS,
      idleSeconds: config.UPLOAD_IDLE_SECONDS,
      minBytesPerSecond: config.UPLOAD_MIN_BYTES_PER_SECOND,
    },
    maxFilesInFlight: config.MAX_FILES_IN_FLIGHT,
    listen: (handlers) => listenForMoves({ url, log, applicationName: 'airlock-gateway-moves', ...handlers }),
    listenForFeed: (handlers) => listenForFeed({ url, log, applicationName: 'airlock-gateway-events', ...handlers }),
    pollEveryMs: { listening: 10_000, lost: 1000 },
  })
  const metricsServer =
    config.METRICS_PORT === null ? null : await serveMetrics(gateway.metrics, { host: config.HOST, port: config.METRICS_PORT })
  const close = async () => {
    await metricsServer?.close()
    await jobQueue.close()
    redis.disconnect()
    store.close()
    await Promise.all([database.close(), telemetry.shutDown()])
  }
  await gateway.app.listen({ host: config.HOST, port: config.PORT })
  shutDownAtSignal({ service: 'gateway', log, phases: phasesOf(gateway, config, close) })
}

/** The phases of a gateway's shutdown and their time limits (docs/operating.md, "How do I stop it?"). */
const phasesOf = ({ shutdown }: Gateway, config: GatewayConfig, close: () => Promise<void>): ShutdownPhase[] => [
  {
    name: 'not ready',
    limitMs: config.SHUTDOWN_NOT_READY_SECONDS * 1000 + 1000,
    run: () => {
      shutdown.notReady()
      return sleep(config.SHUTDOWN_NOT_READY_SECONDS * 1000)
    },
  },
  { name: 'drain', limitMs: config.SHUTDOWN_GRACE_S * 1000, run: () => shutdown.drain(), abort: () => shutdown.abort() },
  { name: 'flush', limitMs: 5000, run: () => shutdown.flush() },
  {
    name: 'close',
    limitMs: 5000,
    run: async () => {
      await shutdown.close()
      await close()
    },
  },
]

/**
 * Writes lines synchronously. Pino's own buffer is asynchronous: the last lines were lost at exit, and once the reader had closed the pipe, it tried
 * to write them forever (sonic-boom 4.2, `flushSync`).
 */
const logOutput = () => new BufferedLines(pino.destination({ dest: 1, sync: true }))

await startService(() => {
  const envFile = loadEnvFile(process.env)
  return start(readGatewayConfig(process.env), envFile)
})
