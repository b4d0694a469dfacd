import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'

/** The headers of one part, names in lower case, values byte by byte (Latin-1). */
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
        // in front of busboy, which acts on what it finds there
        part.prependOnceListener('header', (headers: Record<string, readonly string[]>) => {
          this.#waiting.push({ ...headers })
          asText(headers)
          preferExtendedName(headers)
        })
      })
      return pipe(destination, options)
    }) as typeof body.pipe
  }

  /** The headers of the next part in the form's order. */
  next(): PartHeaders {
    return this.#waiting.shift() ?? {}
  }
}

/** `@fastify/multipart` would parse a field of JSON, and round its numbers. A field is what its sender wrote. */
function asText(headers: Record<string, readonly string[]>): void {
  if (/^application\/json/i.test(headers['content-type']?.[0] ?? '')) headers['content-type'] = ['text/plain']
}

/** A parameter of `Content-Disposition`, its value quoted or not. */
const parameters = /;\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"]*)/g

/** Whether a part gives its name in the extended notation, percent-encoded with its charset (RFC 8187). */
export const hasExtendedName = ({ 'content-disposition': [written = ''] = [] }: PartHeaders): boolean =>
  [...written.matchAll(parameters)].some(([, name = '']) => name.toLowerCase() === 'filename*')

/** Of two names the extended one counts, whichever comes first (RFC 6266, section 4.3); busboy would take the last. */
function preferExtendedName(headers: Record<string, readonly string[]>): void {
  const [written] = headers['content-disposition'] ?? []
  if (written === undefined || !hasExtendedName(headers)) return
  headers['content-disposition'] = [
    written.replace(parameters, (parameter, name: string) => (name.toLowerCase() === 'filename' ? '' : parameter)),
  ]
}

/** Whether a file's name is not what its sender wrote, since that was no UTF-8: each byte that is none was read as U+FFFD. */
export function isGarbled(filename: string, { 'content-disposition': written = [] }: PartHeaders): boolean {
  return filename.includes('\u{fffd}') && !/\xef\xbf\xbd|%ef%bf%bd/i.test(written[0] ?? '')
}
