import FastifyOtel from '@fastify/otel'
import { SpanStatusCode, TraceFlags, type TracerProvider, trace } from '@opentelemetry/api'
import type { FastifyPluginCallback, FastifyRequest } from 'fastify'

/** Requests of orchestrators and Prometheus, which come every few seconds. */
const isPolled = (url: string): boolean => /^\/(?:api\/)?health(?:[/?]|$)|^\/metrics(?:\?|$)/.test(url)

/**
 * A span for each request, whose parent is the client's `traceparent`. It shows the route instead of the path: paths and queries are text of
 * clients, and may contain tokens. Of the errors it shows those that are ours, without their message; `@fastify/otel` would mark all as failures.
 */
export function requestSpans(provider: TracerProvider): FastifyPluginCallback {
  const instrumentation = new FastifyOtel.FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    ignorePaths: ({ url }) => isPolled(url),
    requestHook: (span, request) => {
      const route = request.routeOptions.url ?? 'unknown'
      span.updateName(`${request.method} ${route}`)
      span.setAttributes({ 'url.path': route, 'airlock.request.id': request.id })
      span.setStatus = () => span
    },
  })
  instrumentation.setTracerProvider(provider)
  const spans = instrumentation.plugin()
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    spans(app, {}, () => {})
    app.addHook('onSend', (request, reply, _payload, next) => {
      const { span } = request.opentelemetry()
      if (span && reply.statusCode >= 500) Object.getPrototypeOf(span).setStatus.call(span, { code: SpanStatusCode.ERROR })
      next()
    })
    done()
  }
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true }) // for the routes of the whole gateway
}

/** The span of a request for its last log line, which is written after the span has ended. */
export function spanFieldsOf(request: FastifyRequest): { trace_id?: string; span_id?: string } {
  const { context } = request.opentelemetry()
  const span = context ? trace.getSpanContext(context) : undefined
  return span !== undefined && span.traceFlags & TraceFlags.SAMPLED ? { trace_id: span.traceId, span_id: span.spanId } : {}
}
