/** Attributes of a span. They leave the machine: no secrets, and nothing of a file that logs do not contain. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** What a span shows of the work that it measures. */
export interface SpanOptions {
  readonly name: string
  readonly attributes?: SpanAttributes | undefined
  /** `client`: a request to another server. */
  readonly kind?: 'client' | undefined
}

/** The part of a tracing system that packages need. */
export interface Tracing {
  /** Runs work as a span within the active one. Without an active one it only runs the work, because workers poll their servers all the time. */
  trace<T>(span: SpanOptions, work: () => Promise<T>): Promise<T>
  /** The active span as the `traceparent` of W3C Trace Context, always 55 characters; null when there is none. */
  traceparent(): string | null
}
