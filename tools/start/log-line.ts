const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** Fields that say the same on every line of a service. They stay in the log file. */
const silent = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'name', 'service', 'v'])

const longest = 400

/**
 * A log line as a person reads it: `07:25:51 info  upload received  uploadId=…97a7fc92 sizeBytes=1024`.
 *
 * @param line what a service wrote; a line that is no pino record comes back as it is
 */
export function readableLogLine(line: string): string {
  const entry = recordIn(line)
  if (entry === null) return printable(line)
  const fields = Object.entries(entry).filter(([name]) => !silent.has(name))
  const shown = fields.map(([name, value]) => `${name}=${readableValue(value)}`).join(' ')
  const text = `${clock(entry.time)} ${levelName(entry.level).padEnd(5)} ${printable(String(entry.msg ?? ''))}  ${shown}`.trimEnd()
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

type LogRecord = Record<string, unknown>

function recordIn(line: string): LogRecord | null {
  if (!line.startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'level' in value && 'msg' in value ? (value as LogRecord) : null
  } catch {
    return null
  }
}

const levelName = (level: unknown): string => levels[Number(level)] ?? String(level)

function clock(time: unknown): string {
  const date = new Date(time as string | number)
  return Number.isNaN(date.getTime()) ? '--:--:--' : date.toISOString().slice(11, 19)
}

function readableValue(value: unknown): string {
  if (isError(value)) return quoted(value.message)
  if (typeof value === 'string') return /^[\w.:/@+-]+$/.test(value) ? shortened(value) : quoted(value)
  return printable(JSON.stringify(value) ?? 'undefined')
}

/** The last eight digits tell ids apart on a screen, and stand in the final keys; the log file has them whole. */
const shortened = (text: string): string => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? `…${text.slice(-8)}` : text)

/** What pino's serialiser makes of an error. Its stack is for the log file. */
const isError = (value: unknown): value is { message: string } =>
  typeof value === 'object' && value !== null && 'stack' in value && 'message' in value && typeof value.message === 'string'

const quoted = (text: string): string => printable(JSON.stringify(text))

/** File names are the client's words: none of them may steer the terminal. */
const printable = (text: string): string =>
  text.replace(
    /[^\P{Cc}\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
