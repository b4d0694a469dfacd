import { type Context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'

/** The longest traceparent that is parsed: the length of version 00 and space for fields of later versions. */
const maxLength = 128

/** The header of W3C Trace Context for the span of a context, always 55 characters; null when there is none. */
export function traceparentOf(active: Context): string | null {
  const span = trace.getSpanContext(active)
  if (span === undefined || !trace.isSpanContextValid(span)) return null
  return `00-${span.traceId}-${span.spanId}-0${span.traceFlags & TraceFlags.SAMPLED}`
}

/** The reverse of `traceparentOf`. @returns null for a value that is missing or invalid, whoever wrote it */
export function contextOf(traceparent: unknown): Context | null {
  const span = typeof traceparent === 'string' && traceparent.length <= maxLength ? parseTraceParent(traceparent) : null
  return span === null ? null : trace.setSpanContext(ROOT_CONTEXT, { ...span, isRemote: true })
}

/** The code or the name of an error, for the attribute `error.type`. */
export function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? code : error.name
}
