import { shareResult } from '@airlock/async'
import { dependencyChecks, type Metrics, serviceReadings } from '@airlock/config'
import type { Listening, TracedEvent } from '@airlock/database'
import { checkHealth } from '@airlock/storage'
import { noTelemetry, type Telemetry } from '@airlock/telemetry'
import type { FastifyInstance } from 'fastify'
import { healthServer } from './health.ts'
import { type Lane, openLane } from './lane.ts'
import { WorkerMetrics } from './metrics.ts'
import { EventRelayTimer, PurgeTimer, SweepTimer, UpkeepTimer } from './timers.ts'
import { WebhookSenders } from './webhooks/senders.ts'
import type { WorkerDeps } from './worker-deps.ts'

const healthTimeoutMs = 2000

/** How long the states of the servers and the metrics are reused, in ms. Requests for them are not limited. */
const keepMs = 1000

export interface AirlockWorker {
  health: FastifyInstance
  metrics: Metrics
  /** Starts to take jobs. */
  start(): void
  /** Reports not ready and takes no more jobs. @returns resolves when the sweeper, the purger and the other timers have ended their runs */
  stopTaking(): Promise<void>
  /** Resolves when no job and no webhook delivery runs. */
  drain(): Promise<void>
  /** Aborts the jobs and deliveries that still run, and hands them back to other workers. */
  handBack(): Promise<void>
  /** Stops the relay, which still includes the events of the last jobs. */
  close(): Promise<void>
  /** Takes no more jobs, drains, and closes. */
  stop(): Promise<void>
}

/** A worker that serves the given lanes and runs the sweeper, the purger, table upkeep, the event relay and webhook deliveries. */
export function buildWorker(deps: WorkerDeps): AirlockWorker {
  const { database, store, jobQueue, inspectors, log, lanes, telemetry = noTelemetry } = deps
  const states = dependencyChecks({
    checks: {
      postgres: () => database.check(healthTimeoutMs),
      redis: () => jobQueue.check(),
      s3: () => checkHealth(store, { timeoutMs: healthTimeoutMs }),
    },
    timeoutMs: healthTimeoutMs,
    keepMs,
  })
  const metrics = new WorkerMetrics({
    load: () => database.load(),
    eventLagSeconds: () => database.eventRelay.lagSeconds(),
    inspectorUsage: () => inspectors.usage(),
    readings: serviceReadings({ service: 'worker', build: deps.build, states, pools: () => database.pools() }),
  })
  const served = { contentType: metrics.registry.contentType, text: shareResult(() => metrics.registry.metrics(), { keepMs }) }
  const openLanes = lanes.map((lane) => openLane(lane, inspectors.forLane(), metrics, deps))
  const sweeper = new SweepTimer(
    {
      ...deps.sweep,
      onSwept: (report) => {
        for (const [rule, count] of Object.entries(report)) metrics.swept.inc({ rule }, count)
      },
    },
    {
      uploads: database.uploads,
      assets: database.assets,
      sweeper: database.sweeper,
      store,
      jobQueue,
      log,
      onFound: (what, count) => metrics.found.inc({ what }, count),
    },
  )
  const purger = purgeTimer(metrics, deps)
  const upkeep = new UpkeepTimer(deps.upkeep, { database, log })
  const relay = new EventRelayTimer(
    {
      ...deps.relay,
      onPlaced: (count) => metrics.eventsPlaced.inc(count),
      onTraced: (events, since) => traceRelayed(events, since, telemetry),
    },
    { relay: database.eventRelay, log },
  )
  const webhooks = new WebhookSenders(deps.webhooks, { ...deps, telemetry, webhooks: database.webhooks, metrics })
  let purgeNotifications: Listening | undefined
  let eventNotifications: Listening | undefined
  let ready = false
  const all = (step: (part: Lane | WebhookSenders) => Promise<void>) => async () => {
    await Promise.all([...openLanes.map(step), step(webhooks)])
  }
  const steps = {
    async stopTaking() {
      ready = false
      for (const lane of openLanes) lane.stopTaking()
      await Promise.all([purgeNotifications?.close(), webhooks.stopTaking(), ...[sweeper, purger, upkeep].map((timer) => timer.stop())])
    },
    drain: all((part) => part.drain()),
    handBack: all((part) => part.handBack()),
    async close() {
      await Promise.all([eventNotifications?.close(), relay.stop()])
    },
  }
  return {
    ...steps,
    health: healthServer({ metrics: deps.metricsPort === null ? served : null, states, isReady: () => ready }),
    metrics: served,
    start() {
      ready = true
      for (const lane of openLanes) lane.run().catch((err: unknown) => log.error({ err }, 'lane stopped'))
      for (const timer of [sweeper, purger, upkeep, relay]) timer.start()
      const purge = () => purger.soon()
      purgeNotifications = deps.listenForPurges({ onPurge: purge, onReady: purge, onLost: () => {} })
      const place = () => relay.soon()
      eventNotifications = deps.listenForEvents({ onEvent: place, onReady: place, onLost: () => {} })
      webhooks.start()
    },
    async stop() {
      await Promise.all([steps.stopTaking(), steps.drain()])
      await steps.close()
    },
  }
}

/** A batch of the relay has events of many uploads: each gets a span in the trace of its upload. */
function traceRelayed(events: readonly TracedEvent[], startedAt: Date, telemetry: Telemetry): void {
  for (const { type, uploadId, traceparent } of events) {
    const attributes = { 'airlock.event.type': type, 'airlock.upload.id': uploadId }
    const onlyLinked = type.startsWith('asset.')
    void telemetry.continueTrace({ name: 'relay event', traceparent, onlyLinked, startedAt, attributes }, async () => {})
  }
}

const purgeTimer = (metrics: WorkerMetrics, { database, store, log, leaseSeconds, purge }: WorkerDeps): PurgeTimer =>
  new PurgeTimer(
    {
      ...purge,
      leaseSeconds,
      onPurged: (report) => {
        for (const [outcome, count] of Object.entries(report)) metrics.purged.inc({ outcome }, count)
      },
    },
    { purges: database.purges, uploads: database.uploads, store, log },
  )
