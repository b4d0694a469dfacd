/**
 * Postgres is unreachable, too busy, or shutting down: the statement is valid and may succeed later.
 *
 * If the connection broke while the statement ran, it is unknown whether it took effect.
 */
export class DatabaseUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseUnavailable'
  }
}

/** SQLSTATEs, complete or by prefix (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const unavailableStates = [
  '08', // connection exceptions; poolers without a free server use them as well
  '53', // too many connections, out of memory, disk full
  '57P', // shutdown, crash, starting up, dropped database, idle session ended
  '57014', // statement timeout
  '55P03', // lock timeout
  '25006', // read only: still connected to the server that was demoted in a failover
  '25P03', // idle in transaction for too long
  '58030', // the server's disk fails
]

/** Errors of sockets and the resolver (errno names). */
const unavailableErrnos = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // a Unix socket that does not exist
])

/** Errors of the driver, its pool and TypeORM have no codes, only these messages. */
const unavailableMessages = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect/, // the pool is exhausted
  /^timeout expired/,
  /^Query read timeout/,
  /^Client has encountered a connection error/,
  /^Client was closed/,
  /^Cannot use a pool after calling end/,
  /^Query ?runner already released/i, // its connection broke between two statements
  /^Driver not Connected/,
]

/** Whether an error of the driver means that Postgres is unavailable, not that the statement is wrong. */
export function meansUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  if (code !== null) return unavailableErrnos.has(code) || unavailableStates.some((state) => code.startsWith(state))
  return unavailableMessages.some((message) => message.test(error.message))
}

/** The SQLSTATE or errno of an error, or null. TypeORM wraps the driver's error and copies its code. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const { code, driverError } = error as { code?: unknown; driverError?: unknown }
  return typeof code === 'string' && code !== '' ? code : codeOf(driverError)
}

/** The error to throw for a caught one: `DatabaseUnavailable`, or the error itself without the statement's values. */
export function asThrown(caught: unknown): unknown {
  const error = withoutValues(caught)
  if (!meansUnavailable(error) || error instanceof DatabaseUnavailable) return error
  const reason = (error as Error).message === '' ? codeOf(error) : (error as Error).message
  return new DatabaseUnavailable(`Postgres is unavailable: ${reason}`, { cause: error })
}

/** The properties of a statement's error that may contain values: TypeORM's parameters, and Postgres' messages about the row. */
const valueProperties = ['parameters', 'detail', 'where', 'internalQuery']

/**
 * Removes the values of the failed statement from an error and its causes. Errors are logged, and the values may be our users' data: file names,
 * metadata. The statement itself, the SQLSTATE and the names of table, column and constraint are kept.
 */
function withoutValues(error: unknown): unknown {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { driverError } = current as { driverError?: unknown }
    for (const one of [current, driverError]) {
      if (one instanceof Error) for (const name of valueProperties) Reflect.deleteProperty(one, name)
    }
  }
  return error
}
