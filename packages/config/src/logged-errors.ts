/**
 * What errors say in logs and on standard error.
 *
 * Drivers attach to an error what they were doing: ioredis the command with its arguments, which for AUTH are the password; pg-pool the client with
 * its connection parameters. So of an error only what is listed here is written, never "everything that it has".
 */

/** Properties that say where to look, all of them plain values. None holds what a command or a statement was given. */
const told = [
  'code',
  'status',
  'statusCode',
  // of system calls
  'errno',
  'syscall',
  'hostname',
  'address',
  'port',
  // of Postgres; the statement has placeholders instead of values
  'severity',
  'schema',
  'table',
  'column',
  'constraint',
  'dataType',
  'routine',
  'query',
  // of our own errors
  'key',
  'retryAfterSeconds',
  'uploadId',
  'uploadIds',
  'attempt',
] as const

/** A chain of causes, and errors within errors, are followed so far: they may lead back to where they began. */
const maxCauses = 10
const maxDepth = 3

export interface LoggedError extends Partial<Record<(typeof told)[number], unknown>> {
  /** The name of the error's class. */
  readonly type: string
  /** Its message, and those of its causes. */
  readonly message: string
  readonly stack: string
  /** Several errors in one. */
  readonly aggregateErrors?: readonly LoggedError[]
}

/**
 * An error as a log may show it: type, message and stack with those of its causes, and the properties of `told`.
 *
 * @returns what is not an error as it is
 */
export function loggedError(error: unknown): unknown {
  return error instanceof Error ? asLogged(error, maxDepth) : error
}

function asLogged(error: Error, depth: number): LoggedError {
  const causes = causesOf(error)
  const errors = error instanceof AggregateError && depth > 0 ? error.errors.filter((one) => one instanceof Error) : []
  return {
    type: error.constructor.name,
    message: causes.map(messageOf).join(': '),
    stack: causes.map(stackOf).join('\ncaused by: '),
    ...(errors.length > 0 && { aggregateErrors: errors.map((one) => asLogged(one, depth - 1)) }),
    ...Object.fromEntries(told.filter((name) => isPlain(Reflect.get(error, name))).map((name) => [name, Reflect.get(error, name)])),
  }
}

/** The error and what caused it, the innermost last. */
function causesOf(error: Error): Error[] {
  const causes: Error[] = []
  for (let next: unknown = error; next instanceof Error && !causes.includes(next) && causes.length < maxCauses; next = next.cause)
    causes.push(next)
  return causes
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || (Array.isArray(value) && value.every((one) => typeof one === 'string'))

/** Redis repeats the arguments of a command that it does not know, AUTH and HELLO among them. */
const withoutArguments = (text: string): string => text.replace(/, with args beginning with:.*/g, '')

const messageOf = ({ message }: Error): string => withoutArguments(message)

const stackOf = (error: Error): string => withoutArguments(error.stack ?? `${error.name}: ${error.message}`)

/** An error for a person at a terminal: its stack, and those of its causes. */
export const errorText = (error: unknown): string =>
  error instanceof Error ? causesOf(error).map(stackOf).join('\ncaused by: ') : String(error)

/** An error and what led to it, on one line: drivers put the useful part into `cause`. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const causes = causesOf(error)
  const last = causes.at(-1)?.cause
  const lines = causes.map((one) => messageOf(one) || one.name)
  return [...lines, ...(typeof last === 'string' ? [last] : [])].join(', because: ')
}

/**
 * Options for pino by which errors are written as `loggedError` has them, under whatever name a line carries them.
 *
 * @example pino({ level: 'info', ...errorsInLogs })
 */
export const errorsInLogs = {
  serializers: { err: loggedError, error: loggedError },
  formatters: {
    log: (fields: Record<string, unknown>): Record<string, unknown> =>
      Object.values(fields).some((value) => value instanceof Error)
        ? Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, loggedError(value)]))
        : fields,
  },
}
