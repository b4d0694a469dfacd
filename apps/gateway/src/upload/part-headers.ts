import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'

/** The headers of one part, names in lower case. */
export type PartHeaders = Readonly<Record<string, readonly string[]>>

/** What `@fastify/busboy` holds inside; only the event is relied upon. */
interface Busboy {
  readonly _parser?: { readonly parser?: EventEmitter }
}

/**
 * Sees the headers of a form's parts. Busboy keeps all but three of them to itself, and silently skips parts that it finds odd; but its
 * parser tells of each part in an event. So we look on as the body is piped into it. A test fails if a new version no longer lets us.
 */
export class PartHeaderReader {
  /** Parts that came, also those that busboy skipped. */
  seen = 0
  readonly #waiting: PartHeaders[] = []

  /** Call it before the body is given to busboy. */
  constructor(body: IncomingMessage) {
    const pipe = body.pipe.bind(body)
    body.pipe = ((destination: NodeJS.WritableStream & Busboy, options) => {
      Reflect.deleteProperty(body, 'pipe')
      destination._parser?.parser?.on('part', (part: EventEmitter) => {
        this.seen += 1
        part.once('header', (headers: PartHeaders) => this.#waiting.push(headers))
      })
      return pipe(destination, options)
    }) as typeof body.pipe
  }

  /** The headers of the next part in the form's order. */
  next(): PartHeaders {
    return this.#waiting.shift() ?? {}
  }
}
