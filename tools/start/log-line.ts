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
