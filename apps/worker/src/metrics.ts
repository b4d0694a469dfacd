import { shareResult } from '@airlock/async'
import { type Reading, readInTime } from '@airlock/config'
import type { EndpointStatus, UploadLoad } from '@airlock/database'
import { type AssetType, assetTypes, lanes, listedProvenances, type Provenance } from '@airlock/domain'
import { type Found, type Outcome, type PurgeOutcome, retryReasons, sweepRules } from '@airlock/lifecycle'
import type { DeliveryOutcome } from '@airlock/notifications'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { InspectorUsage } from './isolated-inspector.ts'

/** The label of each outcome; null: not counted, because the run that ends the upload is counted. */
const outcomeLabels = {
  completed: 'completed',
  rejected: 'rejected',
  parked: 'parked',
  retry: 'released',
  handed_back: 'handed_back',
  leased: 'leased',
  throttled: 'throttled',
  nothing: 'nothing',
  refused: 'refused',
  lost: null,
  stopped: null,
} as const satisfies Record<Outcome['ended'] | 'refused', string | null>

const findings = { unproven_object: true, vanished_object: true, last_copy: true } as const satisfies Record<Found, true>
const purgeOutcomes = { removed: true, finished: true, spared: true, postponed: true } as const satisfies Record<PurgeOutcome, true>
const deliveryOutcomes = { delivered: true, failed: true, dead: true, lost: true } as const satisfies Record<DeliveryOutcome, true>

/** The steps of a run whose durations are measured. */
const steps = ['inspect', 'copy', 'complete'] as const
export type Step = (typeof steps)[number]

/** From a small picture to an archive of thousands. */
const stepBuckets = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]

/** How long the numbers from Postgres are reused, in ms: they cost the same for any number of scrapers. */
const loadKeepMs = 5000

export interface MetricsSources {
  load(): Promise<UploadLoad>
  eventLagSeconds(): Promise<number>
  inspectorUsage(): InspectorUsage
  /** Of the process and its servers, from `serviceReadings`. */
  readings: readonly Reading[]
}

/** The worker's metrics (docs/metrics.md). Label values come from closed sets, and each series exists from the start. */
export class WorkerMetrics {
  readonly registry = new Registry()
  readonly outcomes = this.#counter('airlock_jobs_total', 'Job runs by outcome', 'outcome', countedOutcomes())
  readonly retries = this.#counter('airlock_retries_total', 'Attempts that are repeated, by what failed', 'reason', retryReasons)
  readonly swept = this.#counter(
    'airlock_swept_total',
    'Uploads and objects that the sweeper repaired or removed, by rule',
    'rule',
    sweepRules,
  )
  readonly found = this.#counter(
    'airlock_sweep_found_total',
    'Findings of the sweeper that need an operator: objects that no row proves to be removable, assets without an object',
    'what',
    Object.keys(findings),
  )
  readonly purged = this.#counter(
    'airlock_purged_total',
    'Purged objects by outcome: removed, removed again and done, spared because they are not ours, postponed',
    'outcome',
    Object.keys(purgeOutcomes),
  )
  readonly #provenance = this.#counter(
    'airlock_provenance_total',
    'New assets by the state of their content credentials; none: without. Training sets are not counted',
    'state',
    listedProvenances,
  )
  readonly eventsPlaced: Counter
  readonly webhookAttempts: Counter<'endpoint' | 'outcome'>
  readonly #receivedBytes: Counter<'door' | 'kind'>
  readonly #stepSeconds: Histogram<'step' | 'kind'>
  readonly #endpoints = new Map<string, () => Promise<EndpointStatus>>()

  constructor({ load, eventLagSeconds, inspectorUsage, readings }: MetricsSources) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.eventsPlaced = new Counter({
      name: 'airlock_events_placed_total',
      help: 'Events that this worker gave their positions in the feed',
      registers,
    })
    this.webhookAttempts = new Counter({
      name: 'airlock_webhook_attempts_total',
      help: 'Webhook delivery attempts by endpoint and outcome',
      labelNames: ['endpoint', 'outcome'],
      registers,
    })
    this.#receivedBytes = new Counter({
      name: 'airlock_received_bytes_total',
      help: 'Bytes of accepted files, by door and kind',
      labelNames: ['door', 'kind'],
      registers,
    })
    this.#receivedBytes.inc({ door: 'pipeline', kind: 'generated_video' }, 0)
    this.#stepSeconds = new Histogram({
      name: 'airlock_step_seconds',
      help: 'Time of each successful step of a run, by kind, in seconds',
      labelNames: ['step', 'kind'],
      buckets: stepBuckets,
      registers,
    })
    for (const step of steps) for (const kind of assetTypes) this.#stepSeconds.zero({ step, kind })
    new Counter({
      name: 'airlock_inspector_restarts_total',
      help: 'Inspector processes that were replaced, by reason',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset()
        for (const [reason, count] of Object.entries(inspectorUsage().restarts)) this.inc({ reason }, count)
      },
    })
    const laneLoad = shareResult(() => readInTime(load), { keepMs: loadKeepMs })
    const own = [inspectorPeak(inspectorUsage), ...loadReadings(laneLoad), relayLag(eventLagSeconds), ...endpointReadings(this.#endpoints)]
    for (const reading of [...readings, ...own]) this.#read(reading)
  }

  /** Counts a run of a job by its outcome; `refused`: its payload or its announcement was invalid. */
  countRun(outcome: Outcome['ended'] | 'refused'): void {
    const label = outcomeLabels[outcome]
    if (label !== null) this.outcomes.inc({ outcome: label })
  }

  countProvenance(provenance: Provenance | undefined): void {
    if (provenance !== undefined) this.#provenance.inc({ state: provenance.present ? provenance.state : 'none' })
  }

  countBytes(door: 'form' | 'pipeline', kind: AssetType, bytes: number): void {
    this.#receivedBytes.inc({ door, kind }, bytes)
  }

  observeStep(step: Step, kind: AssetType, ms: number): void {
    this.#stepSeconds.observe({ step, kind }, ms / 1000)
  }

  /** Adds metrics of an endpoint. Endpoints come from the configuration. */
  watchEndpoint(name: string, status: () => Promise<EndpointStatus>): void {
    this.#endpoints.set(name, status)
    for (const outcome of Object.keys(deliveryOutcomes)) this.webhookAttempts.inc({ endpoint: name, outcome }, 0)
  }

  /** A counter with one label, whose values are all there from the start. */
  #counter<Label extends string>(name: string, help: string, label: Label, values: readonly string[]): Counter<Label> {
    const counter = new Counter({ name, help, labelNames: [label], registers: [this.registry] })
    for (const value of values) counter.inc({ [label]: value } as Record<Label, string>, 0)
    return counter
  }

  #read({ name, help, labelNames, read }: Reading): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      async collect() {
        await read((labels, value) => this.set(labels, value))
      },
    })
  }
}

const countedOutcomes = (): string[] => Object.values(outcomeLabels).filter((label) => label !== null)

const inspectorPeak = (usage: () => InspectorUsage): Reading => ({
  name: 'airlock_inspector_peak_bytes',
  help: 'The most memory that an inspector process has used since the start of this worker',
  labelNames: [],
  read: (set) => set({}, usage().peakBytes),
})

const untilPostgresAnswers = 'NaN while Postgres is unavailable'

/** The gauges of all uploads that have not ended, and of the sweeper. They are the same at every worker. */
function loadReadings(load: () => Promise<UploadLoad | null>): Reading[] {
  const ofLanes = (name: string, help: string, field: 'waiting' | 'delayed' | 'processing' | 'oldestSeconds'): Reading => ({
    name,
    help: `${help}; ${untilPostgresAnswers}`,
    labelNames: ['lane'],
    async read(set) {
      const current = await load()
      for (const lane of lanes) set({ lane }, current?.lanes.find((one) => one.lane === lane)?.[field] ?? Number.NaN)
    },
  })
  const ofAll = (name: string, help: string, field: 'parked' | 'receiving' | 'openDirect'): Reading => ({
    name,
    help: `${help}; ${untilPostgresAnswers}`,
    labelNames: [],
    async read(set) {
      set({}, (await load())?.[field] ?? Number.NaN)
    },
  })
  return [
    ofLanes('airlock_lane_waiting', 'Accepted uploads that are due and that no worker has claimed', 'waiting'),
    ofLanes('airlock_lane_oldest_seconds', 'How long the first waiting upload has been due, in seconds', 'oldestSeconds'),
    ofLanes('airlock_lane_delayed', 'Accepted uploads whose next attempt is not due yet', 'delayed'),
    ofLanes('airlock_lane_processing', 'Uploads that a worker has claimed', 'processing'),
    ofAll('airlock_uploads_parked', 'Uploads that wait for an operator', 'parked'),
    ofAll('airlock_uploads_receiving', 'Files of requests to a gateway that have not ended', 'receiving'),
    ofAll('airlock_direct_uploads_open', 'Direct uploads that are not complete', 'openDirect'),
    {
      name: 'airlock_last_sweep_timestamp_seconds',
      help: `When the last sweep of any worker ended, in seconds since 1970; 0 before the first; ${untilPostgresAnswers}`,
      labelNames: [],
      async read(set) {
        const current = await load()
        set({}, current === null ? Number.NaN : (current.lastSweepAt?.getTime() ?? 0) / 1000)
      },
    },
  ]
}

const relayLag = (seconds: () => Promise<number>): Reading => ({
  name: 'airlock_event_relay_lag_seconds',
  help: `Time that the oldest event without a position in the feed has waited, in seconds; ${untilPostgresAnswers}`,
  labelNames: [],
  async read(set) {
    set({}, (await readInTime(seconds)) ?? Number.NaN)
  },
})

function endpointReadings(endpoints: ReadonlyMap<string, () => Promise<EndpointStatus>>): Reading[] {
  const ofEndpoints = (name: string, help: string, field: keyof EndpointStatus): Reading => ({
    name,
    help: `${help}; ${untilPostgresAnswers}`,
    labelNames: ['endpoint'],
    async read(set) {
      const collected = [...endpoints].map(async ([endpoint, status]) => {
        set({ endpoint }, (await readInTime(status))?.[field] ?? Number.NaN)
      })
      await Promise.all(collected)
    },
  })
  return [
    ofEndpoints('airlock_webhook_lag_seconds', 'Time that the oldest undelivered event has waited, in seconds', 'lagSeconds'),
    ofEndpoints('airlock_webhook_dead_letters', 'Events whose delivery was given up', 'dead'),
  ]
}
