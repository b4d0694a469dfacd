import { prettyFactory } from 'pino-pretty'

const longest = 400

/** Fields that are the same on every line of a service. They are only in the log file. */
const silent = ['pid', 'hostname', 'name', 'service', 'v']

const pretty = prettyFactory({
  colorize: false,
  translateTime: 'UTC:HH:MM:ss',
  ignore: silent.join(),
  hideObject: true,
  errorLikeObjectKeys: [],
  messageFormat: ({ level: _, time: __, msg, ...fields }) =>
    `${msg}  ${Object.entries(fields)
      .filter(([name]) => !silent.includes(name))
      .map(([name, value]) => `${name}=${readableValue(value)}`)
      .join(' ')}`,
})

/**
 * A log line in readable form: `[07:25:51] INFO: upload received  uploadId=…97a7fc92 sizeBytes=1024`.
 *
 * @param line of a service; a line that is not a pino record is returned unchanged
 */
export function readableLogLine(line: string): string {
  const text = printable(/^\{.*"msg":/.test(line) ? pretty(line).trimEnd() : line)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

function readableValue(value: unknown): string {
  if (isError(value)) return JSON.stringify(value.message)
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? shortened(value) : JSON.stringify(value)
  return JSON.stringify(value) ?? 'undefined'
}

/** The last eight digits distinguish ids on a screen, and are part of final keys; the log file has whole ids. */
const shortened = (text: string): string => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? `…${text.slice(-8)}` : text)

/** An error as serialised by pino. Its stack is only in the log file. */
const isError = (value: unknown): value is { message: string } =>
  typeof value === 'object' && value !== null && 'stack' in value && 'message' in value && typeof value.message === 'string'

/** File names come from clients: they must not control the terminal. */
const printable = (text: string): string =>
  text.replace(
    /[^\P{Cc}\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** pino's levels of lines that the person at the terminal must see. */
const marks: Readonly<Record<number, string>> = { 40: 'warning', 50: 'error', 60: 'fatal' }

/** While a server is unavailable, a service logs the same warning again and again. */
const repeatAfterMs = 60_000

/**
 * Selects the warnings and errors in the logs of services for the terminal: `worker warning: queue unreachable (connect ECONNREFUSED 127.0.0.1:6379)`.
 * The same one of a service is shown once a minute.
 *
 * @returns a function that returns the text for a log line, or null
 */
export function warningsIn(now: () => number = Date.now): (service: string, line: string) => string | null {
  const shownAt = new Map<string, number>()
  return (service, line) => {
    const record = /"level":[456]0\b/.test(line) ? recordOf(line) : null
    const mark = record && marks[record.level]
    if (!mark) return null
    const message = `${service} ${mark}: ${record.msg}`
    const last = shownAt.get(message)
    if (last !== undefined && now() - last < repeatAfterMs) return null
    shownAt.set(message, now())
    return printable(isError(record.err) ? `${message} (${record.err.message})` : message)
  }
}

function recordOf(line: string): { level: number; msg: string; err?: unknown } | null {
  try {
    return JSON.parse(line)
  } catch {
    return null // cut by a crash
  }
}
