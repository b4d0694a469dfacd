import type { Inspect } from '@airlock/lifecycle'

interface Inspections {
  running: number
  readonly waiting: Set<() => void>
}

/**
 * Lets one user have so many inspections at once, so that the files of a user who has most jobs of a lane leave an inspector free for others.
 *
 * @param maxPerUser at least 1
 */
export function sharedInspect(inspect: Inspect, maxPerUser: number): Inspect {
  const users = new Map<string, Inspections>()
  return async (source, claim, signal) => {
    const mine = users.get(claim.userId) ?? { running: 0, waiting: new Set() }
    users.set(claim.userId, mine)
    while (mine.running >= maxPerUser) await nextEnd(mine, signal)
    mine.running++
    try {
      return await inspect(source, claim, signal)
    } finally {
      mine.running--
      for (const look of mine.waiting) look()
      if (mine.running === 0 && mine.waiting.size === 0) users.delete(claim.userId)
    }
  }
}

/** @throws the reason of the signal; the turn is then another's */
async function nextEnd({ waiting }: Inspections, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => reject(signal.reason)
  waiting.add(resolve)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    waiting.delete(resolve)
    signal.removeEventListener('abort', onAbort)
  }
}
