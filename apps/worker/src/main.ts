import {
  buildOf,
  databaseSettings,
  errorsInLogs,
  inspectionSettings,
  loadEnvFile,
  type ShutdownPhase,
  serveMetrics,
  shutDownAtSignal,
  sizeLimits,
  startService,
  storeSettings,
  sweepSettings,
  webhookSettings,
} from '@airlock/config'
import { listenForEvents, listenForFeed, listenForPurges, openDatabase } from '@airlock/database'
import { findLauncher } from '@airlock/inspection/isolated'
import { endpointOf, isPublicAddress, systemResolve } from '@airlock/notifications'
import { blockingConnection, JobQueue, queuePrefix } from '@airlock/queue'
import { s3ObjectStore } from '@airlock/storage'
import { BufferedLines, startTelemetry } from '@airlock/telemetry'
import { pino } from 'pino'
import { type AirlockWorker, buildWorker } from './app.ts'
import { readWorkerConfig, type WorkerConfig } from './config.ts'
import { isolatedInspectors } from './isolated-inspector.ts'

/** Starts a worker, and shuts it down in order on a signal. */
async function start(config: WorkerConfig, envFile: string | null): Promise<void> {
  const build = buildOf(new URL('../package.json', import.meta.url), config.AIRLOCK_REVISION)
  const telemetry = await startTelemetry(process.env, { serviceName: 'airlock-worker', version: build.version })
  const { tracing } = telemetry
  const log = pino({ level: config.LOG_LEVEL, base: { service: 'worker' }, ...errorsInLogs, ...telemetry.logOptions }, logOutput())
  telemetry.reportTo(log)
  if (envFile !== null) log.info({ envFile }, 'settings read from a file, environment variables take precedence')
  const onError = (err: Error) => log.warn({ err }, 'redis unreachable')
  const database = await openDatabase({ ...databaseSettings(config), applicationName: 'airlock-worker', log, tracing })
  const redis = blockingConnection(config.REDIS_URL, { onError })
  const jobQueue = new JobQueue({ redisUrl: config.REDIS_URL, onError, telemetry: telemetry.queue })
  const store = s3ObjectStore({
    ...storeSettings(config),
    tracing,
    onLeftover: ({ key, error: err }) => log.warn({ key, err }, 'object not removed, the sweeper will'),
  })
  const url = config.DATABASE_DIRECT_URL ?? config.DATABASE_URL
  const launcher = findLauncher()
  log.info({ isolation: launcher.isolation }, 'inspectors are isolated')
  const inspectors = isolatedInspectors({
    sizeLimits: sizeLimits(config),
    concurrency: config.WORKER_CONCURRENCY,
    settings: inspectionSettings(config),
    launcher,
  })
  const worker = buildWorker({
    database,
    store,
    jobQueue,
    redis,
    queuePrefix,
    log,
    telemetry,
    build,
    metricsPort: config.METRICS_PORT,
    lanes: config.WORKER_QUEUES,
    concurrency: config.WORKER_CONCURRENCY,
    maxRunningPerUser: config.WORKER_MAX_RUNNING_PER_USER,
    retry: {
      minAttempts: config.WORKER_MIN_ATTEMPTS,
      retryForSeconds: config.RETRY_FOR_HOURS * 3600,
      firstMs: config.RETRY_BASE_MS,
      maxMs: config.RETRY_CAP_MS,
    },
    leaseSeconds: config.LEASE_SECONDS,
    sizeLimits: sizeLimits(config),
    maxRunningPerProject: config.PIPELINE_MAX_RUNNING_PER_PROJECT,
    bucket: config.S3_BUCKET_NAME,
    inspectors,
    sweep: { everySeconds: config.SWEEP_INTERVAL_SECONDS, ...sweepSettings(config) },
    purge: { everySeconds: config.SWEEP_INTERVAL_SECONDS, againInSeconds: Math.ceil(config.S3_CALL_TIMEOUT_MS / 1000) },
    upkeep: { everySeconds: upkeepEverySeconds, accessLogDays: config.ACCESS_LOG_DAYS, eventDays: config.EVENT_DAYS },
    relay: { everySeconds: config.SWEEP_INTERVAL_SECONDS },
    webhooks: webhookOptions(config),
    listenForPurges: (handlers) => listenForPurges({ url, log, applicationName: 'airlock-worker-purges', ...handlers }),
    listenForEvents: (handlers) => listenForEvents({ url, log, applicationName: 'airlock-worker-events', ...handlers }),
    listenForFeed: (handlers) => listenForFeed({ url, log, applicationName: 'airlock-worker-webhooks', ...handlers }),
  })
  await worker.health.listen({ host: config.HOST, port: config.WORKER_PORT })
  const metricsServer =
    config.METRICS_PORT === null ? null : await serveMetrics(worker.metrics, { host: config.HOST, port: config.METRICS_PORT })
  worker.start()
  log.info({ lanes: config.WORKER_QUEUES, concurrency: config.WORKER_CONCURRENCY }, 'worker started')

  const close = async () => {
    await worker.close()
    await inspectors.close()
    await Promise.all([worker.health.close(), metricsServer?.close()])
    await jobQueue.close()
    redis.disconnect()
    store.close()
    await Promise.all([database.close(), telemetry.shutDown()])
  }
  shutDownAtSignal({ service: 'worker', log, phases: phasesOf(worker, config, close) })
}

/** The phases of a worker's shutdown and their time limits (docs/operating.md, "How do I stop it?"). */
const phasesOf = (worker: AirlockWorker, config: WorkerConfig, close: () => Promise<void>): ShutdownPhase[] => [
  { name: 'stop taking', limitMs: 5000, run: () => worker.stopTaking() },
  { name: 'drain', limitMs: config.SHUTDOWN_GRACE_S * 1000, run: () => worker.drain() },
  { name: 'hand back', limitMs: 5000, run: () => worker.handBack() },
  { name: 'close', limitMs: 5000, run: close },
]

/** How events are delivered to endpoints (docs/webhooks.md). */
function webhookOptions(config: WorkerConfig) {
  const { endpoints, allowPrivate, concurrency } = webhookSettings(config)
  return {
    endpoints: endpoints.map(endpointOf),
    resolve: systemResolve(),
    mayCall: allowPrivate ? () => true : isPublicAddress,
    concurrency,
    everySeconds: 5,
    leaseSeconds: 30,
    timeoutMs: 10_000,
    firstRetryMs: 5000,
    giveUpAfterSeconds: 3 * 24 * 3600,
  }
}

/** Not time-critical: partitions of months are created two months ahead. */
const upkeepEverySeconds = 3600

/**
 * Writes lines synchronously. Pino's own buffer is asynchronous: the last lines were lost at exit, and once the reader had closed the pipe, it tried
 * to write them forever (sonic-boom 4.2, `flushSync`).
 */
const logOutput = () => new BufferedLines(pino.destination({ dest: 1, sync: true }))

await startService(() => {
  const envFile = loadEnvFile(process.env)
  return start(readWorkerConfig(process.env), envFile)
})
