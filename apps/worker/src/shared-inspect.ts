import type { Inspect } from '@airlock/lifecycle'

interface Inspections {
  running: number
  readonly waiting: Set<() => void>
}

/**
 * Limits the concurrent inspections of one user, so that a user with most jobs of a lane leaves an inspector free for others.
 *
 * @param maxPerUser at least 1
 */
export function sharedInspect(inspect: Inspect, maxPerUser: number): Inspect {
  const users = new Map<string, Inspections>()
  return async (source, claim, signal) => {
    const ofUser = users.get(claim.userId) ?? { running: 0, waiting: new Set() }
    users.set(claim.userId, ofUser)
    while (ofUser.running >= maxPerUser) await nextEnd(ofUser, signal)
    ofUser.running++
    try {
      return await inspect(source, claim, signal)
    } finally {
      ofUser.running--
      for (const recheck of ofUser.waiting) recheck()
      if (ofUser.running === 0 && ofUser.waiting.size === 0) users.delete(claim.userId)
    }
  }
}

/** @throws the reason of the signal */
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
