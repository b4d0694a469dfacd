import type { EventRelay, TracedEvent } from '@airlock/database'

export interface RelayDeps {
  relay: Pick<EventRelay, 'place'>
}

export interface RelayOptions {
  /** Ends the run between two batches. */
  signal?: AbortSignal | undefined
  /** Called with the events that got positions and whose uploads have a stored trace. @param since when their batch began */
  onTraced?: ((events: readonly TracedEvent[], since: Date) => void) | undefined
}

/** The maximum of events that get their positions in one transaction. */
const batchSize = 500

/**
 * Gives all committed events their positions in the feed, unless another relay is at work: then nothing is lost, because that relay was notified of
 * the same events. We may die after any line: each batch is one transaction.
 *
 * @returns the number of events
 * @throws DatabaseUnavailable  the next run continues
 */
export async function relayEvents({ signal, onTraced }: RelayOptions, { relay }: RelayDeps): Promise<number> {
  let placed = 0
  while (!signal?.aborted) {
    const since = new Date()
    const count = await relay.place({ limit: batchSize, onTraced: (events) => onTraced?.(events, since) })
    placed += count ?? 0
    if (count === null || count < batchSize) break
  }
  return placed
}
