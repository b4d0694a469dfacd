import { setTimeout } from 'node:timers/promises'
import { commandTimeoutMs } from '@airlock/queue'

/**
 * Bounds a job's command to Redis. The worker's connection waits for an unavailable Redis without limit, and the job must not.
 *
 * @throws Error when there is no reply in time; the command may still be executed
 */
export async function withTimeout<T>(command: Promise<T>, ms: number = commandTimeoutMs): Promise<T> {
  const settled = new AbortController()
  const late = setTimeout(ms, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`redis did not answer in ${ms} ms`)
  })
  late.catch(() => {}) // its rejection is irrelevant after a reply
  try {
    return await Promise.race([command, late])
  } finally {
    settled.abort()
  }
}
