import { withoutValues } from './without-values.ts'

/**
 * Postgres is out of reach, too busy, or going down: nothing is wrong with what was asked, and later it may work.
 *
 * Whether the statement took effect is not known when the connection broke while it ran.
 */
export class DatabaseUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseUnavailable'
  }
}

/** SQLSTATEs, whole or by their class of two characters (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const unavailableStates = [
  '08', // connection exceptions; a pooler that has no server to give says so too
  '53', // too many connections, out of memory, disk full
  '57P', // shutdown, crash, starting up, dropped database, idle session ended
  '57014', // statement timeout
  '55P03', // lock timeout
  '25006', // read only: we still talk to the server that was demoted in a failover
  '25P03', // idle in transaction for too long
  '58030', // the server's disk fails
]

/** What sockets and the resolver say (errno names). */
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
  'ENOENT', // a Unix socket that is not there
])

/** The driver, its pool and TypeORM have no codes of their own, only these sentences. */
const unavailableMessages = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect/, // the pool is used up
  /^timeout expired/,
  /^Query read timeout/,
  /^Client has encountered a connection error/,
  /^Client was closed/,
  /^Cannot use a pool after calling end/,
  /^Query ?runner already released/i, // its connection broke between two statements
  /^Driver not Connected/,
]

/** Whether an error of the driver means that Postgres is away, not that we asked for something wrong. */
export function meansUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  if (code !== null) return unavailableErrnos.has(code) || unavailableStates.some((state) => code.startsWith(state))
  return unavailableMessages.some((message) => message.test(error.message))
}

/** The SQLSTATE or errno of an error, or null. TypeORM wraps what the driver threw, and copies its code. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const { code, driverError } = error as { code?: unknown; driverError?: unknown }
  return typeof code === 'string' && code !== '' ? code : codeOf(driverError)
}

/** The error to throw for one that was caught: `DatabaseUnavailable`, or itself without the values that were asked with. */
export function asThrown(caught: unknown): unknown {
  const error = withoutValues(caught)
  if (!meansUnavailable(error) || error instanceof DatabaseUnavailable) return error
  const reason = (error as Error).message === '' ? codeOf(error) : (error as Error).message
  return new DatabaseUnavailable(`Postgres is unavailable: ${reason}`, { cause: error })
}
