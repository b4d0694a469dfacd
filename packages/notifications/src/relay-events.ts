import { randomUUID } from 'node:crypto'
import type { EventRelay, TracedEvent } from '@airlock/database'
import type { Log } from '@airlock/domain'

export interface RelayDeps {
  relay: Pick<EventRelay, 'take' | 'place' | 'end'>
  log: Log
}

export interface RelayOptions {
  /** Longer than the longest statement, so that only a relay that died or was paused loses its lease. */
  leaseSeconds: number
  /** Ends the run between two batches. */
  signal?: AbortSignal | undefined
  /** Called with the events that got positions and whose uploads have a stored trace. @param since when their batch began */
  onTraced?: ((events: readonly TracedEvent[], since: Date) => void) | undefined
}

/** The maximum of events that get their positions in one transaction. */
const batchSize = 500

/**
 * Gives all committed events their positions in the feed, unless another relay has the lease. We may die after any line: each batch is one
 * transaction, and the next relay continues when the lease has expired.
 *
 * @returns the number of events; null when another relay has the lease
 * @throws DatabaseUnavailable  the next run continues
 */
export async function relayEvents({ leaseSeconds, signal, onTraced }: RelayOptions, { relay, log }: RelayDeps): Promise<number | null> {
  const holder = randomUUID()
  if (!(await relay.take({ holder, leaseSeconds }))) return null
  let placed = 0
  while (!signal?.aborted) {
    const since = new Date()
    const count = await relay.place({ holder, leaseSeconds, limit: batchSize, onTraced: (events) => onTraced?.(events, since) })
    if (count === null) {
      log.warn({ step: 'relay' }, 'relay lease lost, another relay took over')
      return placed
    }
    placed += count
    if (count < batchSize) break
  }
  await relay.end({ holder })
  return placed
}
