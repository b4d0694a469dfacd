import type { Log, SpanAttributes, SpanOptions, Tracing } from '@airlock/domain'
import type { Telemetry as QueueTelemetry } from 'bullmq'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'

/** A span of a trace that was stored, in another process or at another time. */
export interface ContinuedSpan extends SpanOptions {
  /** From `traceparent`; null: the span begins a new trace. Of the upload's row, so it may be anything. */
  readonly traceparent: string | null
  /** The span begins a new trace that refers to the stored one, because it is about something that happens much later. */
  readonly onlyLinked?: boolean
  /** When the work began; absent: now. */
  readonly startedAt?: Date | undefined
}

/** The traces of a service. Without tracing everything does nothing, and no library of OpenTelemetry is loaded. */
export interface Telemetry extends Tracing {
  /** For the packages that do I/O: this object, or undefined without tracing. */
  readonly tracing: Tracing | undefined
  /** Runs work as a span of a stored trace. */
  continueTrace<T>(span: ContinuedSpan, work: () => Promise<T>): Promise<T>
  /** Adds attributes to the active span. */
  annotate(attributes: SpanAttributes): void
  /** Marks the active span as failed. @param errorType of a closed set */
  markFailed(errorType: string): void
  /** A function that runs within the span that is active now, wherever it is called. */
  bind<F extends (...args: never[]) => unknown>(work: F): F
  /** For BullMQ's queues and workers: spans for adding and processing jobs. */
  readonly queue: QueueTelemetry | undefined
  /** A plugin that makes each request a span; to be registered before the routes. Null without tracing. */
  readonly requests: FastifyPluginCallback | null
  /** `trace_id` and `span_id` of a request, for the line that is logged after its response. */
  fieldsOf(request: FastifyRequest): object
  /** Options for pino that add `trace_id` and `span_id` to each line that is logged within a span. */
  readonly logOptions: { mixin?: () => object }
  /** Reports failed exports to a log, at most once a minute. */
  reportTo(log: Pick<Log, 'warn'>): void
  /** Exports the remaining spans within two seconds, whatever the receiver does. Later spans are not recorded. */
  shutDown(): Promise<void>
}

export const noTelemetry: Telemetry = {
  tracing: undefined,
  trace: (_span, work) => work(),
  traceparent: () => null,
  continueTrace: (_span, work) => work(),
  annotate() {},
  markFailed() {},
  bind: (work) => work,
  queue: undefined,
  requests: null,
  fieldsOf: () => ({}),
  logOptions: {},
  reportTo() {},
  async shutDown() {},
}

export interface TelemetryOptions {
  /** The default of OTEL_SERVICE_NAME. */
  readonly serviceName: string
  readonly version: string
}
