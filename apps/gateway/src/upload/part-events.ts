import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'

/** The headers of one part, names in lower case, values decoded as Latin-1. */
export type PartHeaders = Readonly<Record<string, readonly string[]>>

/** Internals of `@fastify/busboy` 3: `_parser` is its multipart parser, whose `parser` emits `part` for each part. */
interface Busboy {
  readonly _parser?: { readonly parser?: EventEmitter }
}

export interface PartListeners {
  /** A part has begun, also one that busboy will skip. */
  onPart(): void
  /** Gets the object that busboy reads afterwards, and may change it. */
  onHeaders(headers: Record<string, readonly string[]>): void
}

/**
 * Calls back for each part of a form, and for its headers before busboy reads them.
 *
 * This is the only code that uses internals of the parser. `@fastify/multipart` reports three headers of a part, none of a part that busboy
 * skips, and exposes neither busboy nor its parser. So this takes the parser from the stream into which the body is piped; a test fails when a
 * new version moves the parser.
 *
 * @param body not yet piped into busboy
 */
export function onParts(body: IncomingMessage, { onPart, onHeaders }: PartListeners): void {
  const pipe = body.pipe.bind(body)
  body.pipe = ((destination: NodeJS.WritableStream & Busboy, options) => {
    Reflect.deleteProperty(body, 'pipe')
    // a form without a boundary has no parser; busboy refuses it
    destination._parser?.parser?.on('part', (part: EventEmitter) => {
      onPart()
      part.prependOnceListener('header', onHeaders) // before busboy's listener
    })
    return pipe(destination, options)
  }) as typeof body.pipe
}
