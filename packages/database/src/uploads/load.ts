import type { Lane } from '@airlock/domain'
import type { Sessions } from '../sessions.ts'

/** The work of one lane. Times are by the database's clock. */
export interface LaneLoad {
  readonly lane: Lane
  /** Accepted uploads that a worker could process now: due, and claimed by no worker, or by one whose lease has expired. */
  readonly waiting: number
  /** Accepted uploads whose next attempt is not due yet. */
  readonly delayed: number
  /** Uploads that a worker has claimed. */
  readonly processing: number
  /** How long the first of the waiting uploads has been due, in seconds; 0 when none waits. */
  readonly oldestSeconds: number
}

/** All uploads that have not ended, and the sweeper that looks after them. */
export interface UploadLoad {
  readonly lanes: readonly LaneLoad[]
  readonly parked: number
  /** Files of requests to a gateway that have not ended. */
  readonly receiving: number
  /** Direct uploads that are not complete. */
  readonly openDirect: number
  /** When the last sweep ended; null before the first. */
  readonly lastSweepAt: Date | null
}

/** After this many ms the server cancels the statement: a late number is useless, and many processes may ask for it. */
const timeoutMs = 1000

/**
 * Counts the uploads that have not ended, by index-only scans over these rows alone.
 *
 * @param sessions its connection is occupied for at most `timeoutMs`
 * @throws DatabaseUnavailable also when the statement takes too long
 */
export const uploadLoad = (sessions: Sessions): Promise<UploadLoad> =>
  sessions.transaction(async ({ rows }) => {
    await rows(`set local statement_timeout = ${timeoutMs}`)
    const read = await rows(loadStatement)
    return {
      lanes: read.map((row) => ({
        lane: row.lane as Lane,
        waiting: Number(row.waiting),
        delayed: Number(row.delayed),
        processing: Number(row.processing),
        oldestSeconds: Number(row.oldest_seconds),
      })),
      parked: Number(read[0]?.parked),
      receiving: Number(read[0]?.receiving) - Number(read[0]?.open_direct),
      openDirect: Number(read[0]?.open_direct),
      lastSweepAt: (read[0]?.last_sweep_at as Date | null | undefined) ?? null,
    }
  })

/** For the benchmark, which prints its plan. */
export const loadStatement = `
  select lane, waiting, delayed, processing, oldest_seconds,
    (select count(*) from uploads where state = 'parked') as parked,
    (select count(*) from uploads where state = 'receiving') as receiving,
    (select count(*) from uploads where state = 'receiving' and door = 'direct') as open_direct,
    (select ended_at from sweeper) as last_sweep_at
  from lane_load`
