import { randomUUID } from 'node:crypto'
import type { EventRelay } from '@airlock/database'
import type { Log } from './log.ts'

export interface RelayDeps {
  relay: Pick<EventRelay, 'take' | 'place' | 'end'>
  log: Log
}

export interface RelayOptions {
  /** Longer than the longest statement: then only a relay that died or was paused loses its lease. */
  leaseSeconds: number
  /** Ends the run between two batches. */
  signal?: AbortSignal | undefined
}

/** Events that get their positions in one transaction. */
const batchSize = 500

/**
 * Gives their place in the feed to all events that are committed, when nobody else is at it. Dying after any line loses nothing: the batch is
 * one transaction, and the next relay goes on when the lease has run out.
 *
 * @returns how many; null when somebody else is at it
 * @throws DatabaseUnavailable  the rest has its turn with the next run
 */
export async function relayEvents({ leaseSeconds, signal }: RelayOptions, { relay, log }: RelayDeps): Promise<number | null> {
  const holder = randomUUID()
  if (!(await relay.take({ holder, leaseSeconds }))) return null
  let placed = 0
  while (!signal?.aborted) {
    const count = await relay.place({ holder, leaseSeconds, limit: batchSize })
    if (count === null) {
      log.warn({ step: 'relay' }, 'another relay has taken over, this one was too slow')
      return placed
    }
    placed += count
    if (count < batchSize) break
  }
  await relay.end({ holder })
  return placed
}
