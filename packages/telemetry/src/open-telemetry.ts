import { hostname } from 'node:os'
import { resolvesWithin } from '@airlock/async'
import type { SpanAttributes, SpanOptions, Tracing } from '@airlock/domain'
import {
  type SpanOptions as ApiSpanOptions,
  type Attributes,
  type Context,
  context,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { TelemetryProblems } from './problems.ts'
import { queueTelemetry } from './queue-telemetry.ts'
import { requestSpans, spanFieldsOf } from './request-spans.ts'
import type { TracingSettings } from './settings.ts'
import { contextOf, errorTypeOf, traceparentOf } from './span-context.ts'
import type { Telemetry, TelemetryOptions } from './telemetry.ts'

/** The longest wait for the last export, in ms: within the phase of a shutdown that closes the connections. */
const shutdownMs = 2000

/** The longest value of an attribute, in characters, unless the environment sets another one. */
const maxValueLength = 4096

/**
 * Starts OpenTelemetry. Its API is made of globals, so there is one per process at a time.
 *
 * A slow or unavailable receiver does not affect the service: spans wait in a queue of bounded length (OTEL_BSP_MAX_QUEUE_SIZE), and are dropped
 * when it is full.
 */
export async function openTelemetry(
  { protocol }: Extract<TracingSettings, { on: true }>,
  { serviceName, version }: TelemetryOptions,
  env: NodeJS.ProcessEnv,
  problems: TelemetryProblems,
): Promise<Telemetry> {
  const report = (problem: unknown) => problems.report(problem)
  diag.setLogger(
    { error: report, warn: report, info() {}, debug() {}, verbose() {} },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  setGlobalErrorHandler(report)
  const service = { 'service.name': serviceName, 'service.version': version, 'service.instance.id': hostname() }
  const isLengthSet = [env.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, env.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT].some(Boolean)
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes(service))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(await exporterOf(protocol))],
    ...(isLengthSet ? {} : { spanLimits: { attributeValueLengthLimit: maxValueLength } }),
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  if (acceptsParents(env)) propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const tracer = provider.getTracer('airlock', version)

  const run = async <T>(parent: Context, name: string, options: ApiSpanOptions, work: () => Promise<T>): Promise<T> => {
    const span = tracer.startSpan(name, options, parent)
    try {
      return await context.with(trace.setSpan(parent, span), work)
    } catch (error) {
      // not the message: the log has it, under the same trace id
      span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', errorTypeOf(error))
      throw error
    } finally {
      span.end()
    }
  }
  const tracing: Tracing = {
    trace: ({ name, ...options }, work) => (activeSpan() === null ? work() : run(context.active(), name, optionsOf(options), work)),
    traceparent: () => traceparentOf(context.active()),
  }
  return {
    ...tracing,
    tracing,
    continueTrace: ({ name, traceparent, onlyLinked = false, startedAt, ...options }, work) => {
      const stored = contextOf(traceparent)
      const linked = onlyLinked && stored !== null ? trace.getSpanContext(stored) : undefined
      const more = { ...(startedAt && { startTime: startedAt }), ...(linked && { links: [{ context: linked }] }) }
      return run((onlyLinked ? null : stored) ?? ROOT_CONTEXT, name, { ...optionsOf(options), ...more }, work)
    },
    annotate: (attributes) => void activeSpan()?.setAttributes(copyOf(attributes)),
    markFailed: (type) => void activeSpan()?.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', type),
    bind: (work) => context.bind(context.active(), work),
    queue: queueTelemetry(),
    requests: requestSpans(provider),
    fieldsOf: spanFieldsOf,
    logOptions: {
      mixin: () => {
        const active = activeSpan()?.spanContext()
        return active === undefined ? {} : { trace_id: active.traceId, span_id: active.spanId }
      },
    },
    reportTo: (log) => problems.reportTo(log),
    async shutDown() {
      await resolvesWithin(provider.shutdown(), { ms: shutdownMs }).catch(report)
      for (const api of [trace, context, propagation, diag]) api.disable()
    },
  }
}

/**
 * The active span, unless it has ended or is not recorded. A timer or a connection that was made during a request keeps its context: what it does
 * later must not be added to that request's trace, which would grow for as long as the process lives.
 */
function activeSpan(): Span | null {
  const span = trace.getActiveSpan()
  return span?.isRecording() ? span : null
}

const optionsOf = ({ attributes = {}, kind }: Omit<SpanOptions, 'name'>): ApiSpanOptions => ({
  attributes: copyOf(attributes),
  kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL,
})

const copyOf = (attributes: SpanAttributes): Attributes => ({ ...attributes }) as Attributes

/** OTEL_PROPAGATORS=none ignores the traceparent of clients; `baggage`, which is part of the default, is not used. */
const acceptsParents = ({ OTEL_PROPAGATORS }: NodeJS.ProcessEnv): boolean =>
  (OTEL_PROPAGATORS?.trim() || 'tracecontext').split(',').some((name) => name.trim() === 'tracecontext')

async function exporterOf(protocol: 'http/protobuf' | 'http/json'): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter()
}
