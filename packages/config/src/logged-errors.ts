/**
 * How errors appear in logs and on standard error.
 *
 * Drivers attach context to errors: ioredis the command with its arguments, which for AUTH include the password; pg-pool the client with its
 * connection parameters. So only the properties listed here are written, never all that an error has.
 */

/** Properties that help to find the cause, all of them plain values. None holds arguments of a command or a statement. */
const loggedProperties = [
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

/** Limits for following causes and nested errors, which may be circular. */
const maxCauses = 10
const maxDepth = 3

export interface LoggedError extends Partial<Record<(typeof loggedProperties)[number], unknown>> {
  /** The name of the error's class. */
  readonly type: string
  /** Its message, and those of its causes. */
  readonly message: string
  readonly stack: string
  /** Several errors in one. */
  readonly aggregateErrors?: readonly LoggedError[]
}

/**
 * An error in the form that is safe to log: type, message and stack with those of its causes, and the properties in `loggedProperties`.
 *
 * @returns other values unchanged
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
    ...Object.fromEntries(
      loggedProperties.filter((name) => isPlain(Reflect.get(error, name))).map((name) => [name, Reflect.get(error, name)]),
    ),
  }
}

/** The error and its causes, the innermost last. */
function causesOf(error: Error): Error[] {
  const causes: Error[] = []
  for (let next: unknown = error; next instanceof Error && !causes.includes(next) && causes.length < maxCauses; next = next.cause)
    causes.push(next)
  return causes
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || (Array.isArray(value) && value.every((one) => typeof one === 'string'))

/** Redis repeats the arguments of unknown commands, including AUTH and HELLO. */
const withoutArguments = (text: string): string => text.replace(/, with args beginning with:.*/g, '')

const messageOf = ({ message }: Error): string => withoutArguments(message)

const stackOf = (error: Error): string => withoutArguments(error.stack ?? `${error.name}: ${error.message}`)

/** An error for a terminal: its stack and those of its causes. */
export const errorText = (error: unknown): string =>
  error instanceof Error ? causesOf(error).map(stackOf).join('\ncaused by: ') : String(error)

/** An error and its causes on one line: drivers put the useful part into `cause`. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const causes = causesOf(error)
  const last = causes.at(-1)?.cause
  const lines = causes.map((one) => messageOf(one) || one.name)
  return [...lines, ...(typeof last === 'string' ? [last] : [])].join(', because: ')
}

/**
 * Options for pino that write every error as `loggedError` returns it, under any field name.
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
