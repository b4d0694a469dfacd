import type { DirectRegistration } from '@airlock/database'
import { AirlockError } from '@airlock/domain'

/**
 * A short-lived cache of users whose files Postgres refuses, so that a flood of requests costs the database little. It may be incomplete, and
 * never throws: Postgres counts, in the statement that inserts the row.
 */
export interface FileCounter {
  /** Seconds until the user may send another file; 0 = now, as far as the cache knows. */
  secondsUntilRoom(userId: string): Promise<number>
  /** Records that Postgres refused a file of the user, who may send another one after `retryAfterSeconds`. */
  refused(userId: string, retryAfterSeconds: number): Promise<void>
  /** A file no longer counts against the user, who may be below the limit again. */
  givenBack(userId: string): Promise<void>
}

/** The limits of a user at every door. */
export interface UserLimits {
  readonly filesPerHour: number
  /** The maximum of bytes in parked uploads of one user; at the maximum, new files are refused. Absent: no limit. */
  readonly parkedBytesPerUser?: number | undefined
}

/** A file, its owner, and the owner's limits. */
export interface Registrant extends UserLimits {
  readonly userId: string
  readonly filename: string
}

/**
 * Inserts the row of a file, unless its owner has reached a limit of all doors.
 *
 * @param insert the statement that counts and inserts
 * @returns the answer of the statement: inserted, or over a limit of one door alone
 * @throws AirlockError `file_limit_reached`, `parked_limit_reached`
 */
export async function registerWithin<R extends DirectRegistration>(
  { userId, filename, filesPerHour, parkedBytesPerUser }: Registrant,
  counter: FileCounter,
  insert: () => Promise<R>,
): Promise<Exclude<R, { full: 'hour' | 'parked' }>> {
  const limitReached = (retryAfterSeconds: number) => new FileLimitReached({ filename, limit: filesPerHour, retryAfterSeconds })
  const seconds = await counter.secondsUntilRoom(userId)
  if (seconds > 0) throw limitReached(seconds)
  const outcome: DirectRegistration = await insert()
  if (!outcome.registered && outcome.full === 'parked')
    throw new AirlockError('parked_limit_reached', { filename, limitBytes: parkedBytesPerUser ?? 0 })
  if (!outcome.registered && outcome.full === 'hour') {
    await counter.refused(userId, outcome.retryAfterSeconds)
    throw limitReached(outcome.retryAfterSeconds)
  }
  return outcome as Exclude<R, { full: 'hour' | 'parked' }>
}

/** The user has reached the hourly limit. Nothing was read. */
export class FileLimitReached extends AirlockError<'file_limit_reached'> {
  readonly retryAfterSeconds: number

  constructor({ filename, limit, retryAfterSeconds }: { filename: string; limit: number; retryAfterSeconds: number }) {
    super('file_limit_reached', { filename, limit })
    this.retryAfterSeconds = retryAfterSeconds
  }
}
