import type { IncomingMessage } from 'node:http'
import { onParts, type PartHeaders } from './part-events.ts'

/** Collects the headers of a form's parts, and corrects those that `@fastify/multipart` would misread. */
export class PartHeaderReader {
  /** The number of parts, including those that busboy skipped. */
  seen = 0
  readonly #waiting: PartHeaders[] = []

  /** Must be called before the body is piped into busboy. */
  constructor(body: IncomingMessage) {
    onParts(body, {
      onPart: () => {
        this.seen += 1
      },
      onHeaders: (headers) => {
        this.#waiting.push({ ...headers })
        asText(headers)
        preferExtendedName(headers)
      },
    })
  }

  /** The headers of the next part in the form's order. */
  next(): PartHeaders {
    return this.#waiting.shift() ?? {}
  }
}

/** `@fastify/multipart` would parse a JSON field and round its numbers. Fields must stay as sent. */
function asText(headers: Record<string, readonly string[]>): void {
  if (/^application\/json/i.test(headers['content-type']?.[0] ?? '')) headers['content-type'] = ['text/plain']
}

/** A parameter of `Content-Disposition`, its value quoted or not. */
const parameters = /;\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"]*)/g

/** Whether a part has its filename in the extended notation, percent-encoded with its charset (RFC 8187). */
export const hasExtendedName = ({ 'content-disposition': [written = ''] = [] }: PartHeaders): boolean =>
  [...written.matchAll(parameters)].some(([, name = '']) => name.toLowerCase() === 'filename*')

/** Of two filenames the extended one takes precedence, whatever their order (RFC 6266, section 4.3); busboy would use the last. */
function preferExtendedName(headers: Record<string, readonly string[]>): void {
  const [written] = headers['content-disposition'] ?? []
  if (written === undefined || !hasExtendedName(headers)) return
  headers['content-disposition'] = [
    written.replace(parameters, (parameter, name: string) => (name.toLowerCase() === 'filename' ? '' : parameter)),
  ]
}

/** Whether a filename was not valid UTF-8, so that its invalid bytes were decoded as U+FFFD. */
export function isGarbled(filename: string, { 'content-disposition': written = [] }: PartHeaders): boolean {
  return filename.includes('\u{fffd}') && !/\xef\xbf\xbd|%ef%bf%bd/i.test(written[0] ?? '')
}
