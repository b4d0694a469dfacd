import { type Context, context, createContextKey, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { type Attributes, type Span, SpanKind, type Telemetry } from 'bullmq'
import { BullMQOtel } from 'bullmq-otel'
import { contextOf, traceparentOf } from './span-context.ts'

/** The longest telemetry metadata of a job that is read, in characters. Every producer can write it. */
const maxMetadataLength = 512

/** In a context: the span of a job that is being added, which becomes the parent of its processing. */
const adding = createContextKey('airlock adding')

/**
 * Spans for BullMQ: `add` and `process`, with the attributes of OpenTelemetry's conventions for messaging.
 *
 * `bullmq-otel` makes the spans. It is wrapped because it would fail on metadata that is not JSON, so that the job would stay active until it
 * stalled; would add a trace for each poll of an idle worker; and would nest each attempt in the one before, whereas here all are children
 * of `add`.
 */
export function queueTelemetry(): Telemetry<Context> {
  const { tracer } = new BullMQOtel({ tracerName: 'airlock' })
  return {
    tracer: {
      startSpan(name, options, parent) {
        const kind = options?.kind
        if (kind !== SpanKind.PRODUCER && kind !== SpanKind.CONSUMER) return silent
        return messagingSpan(tracer.startSpan(name, options, parent) as Span<Context>, kind)
      },
    },
    contextManager: {
      with: (active, work) => context.with(active, work),
      active: () => context.active(),
      root: () => ROOT_CONTEXT,
      getMetadata: (active) => (active.getValue(adding) === true ? metadataOf(active) : ''),
      fromMetadata: (active, metadata) => parentOf(metadata) ?? active,
    },
  }
}

const metadataOf = (active: Context): string => {
  const traceparent = traceparentOf(active)
  return traceparent === null ? '' : JSON.stringify({ traceparent })
}

/** @param metadata of a job, in any form */
function parentOf(metadata: unknown): Context | null {
  if (typeof metadata !== 'string' || metadata.length > maxMetadataLength) return null
  try {
    return contextOf((JSON.parse(metadata) as { traceparent?: unknown } | null)?.traceparent)
  } catch {
    return null
  }
}

function messagingSpan(span: Span<Context>, kind: SpanKind): Span<Context> {
  const type = kind === SpanKind.PRODUCER ? 'send' : 'process'
  span.setAttributes({ 'messaging.system': 'bullmq', 'messaging.operation.type': type })
  return {
    setSpanOnContext: (active) => span.setSpanOnContext(active).setValue(adding, kind === SpanKind.PRODUCER),
    setAttribute: (name, value) => span.setAttributes(withConventions({ [name]: value })),
    setAttributes: (attributes) => span.setAttributes(withConventions(attributes)),
    // the attributes of events and exceptions have results and messages; the log has these
    addEvent: (event) => {
      if (event === 'job failed') trace.getSpan(span.setSpanOnContext(ROOT_CONTEXT))?.setStatus({ code: SpanStatusCode.ERROR })
    },
    recordException() {},
    end: () => span.end(),
  }
}

function withConventions(attributes: Attributes): Attributes {
  const { 'bullmq.queue.name': queue, 'bullmq.queue.operation': operation, 'bullmq.job.id': id } = attributes
  return {
    ...attributes,
    ...(queue !== undefined && { 'messaging.destination.name': queue }),
    ...(operation !== undefined && { 'messaging.operation.name': operation }),
    ...(id !== undefined && { 'messaging.message.id': id, 'airlock.upload.id': id }),
  }
}

/** A span of no interest. Spans within it become children of the one around it. */
const silent: Span<Context> = {
  setSpanOnContext: (active) => active,
  setAttribute() {},
  setAttributes() {},
  addEvent() {},
  recordException() {},
  end() {},
}
