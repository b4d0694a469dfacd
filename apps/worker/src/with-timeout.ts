import { setTimeout } from 'node:timers/promises'
import { commandTimeoutMs } from '@airlock/queue'

/**
 * What a job asks of Redis. The worker's connection waits for a Redis that is away for as long as it takes, and the job must not.
 *
 * @throws Error when there is no answer in time; the command may still be carried out
 */
export async function withTimeout<T>(command: Promise<T>, ms: number = commandTimeoutMs): Promise<T> {
  const answered = new AbortController()
  const late = setTimeout(ms, undefined, { signal: answered.signal }).then(() => {
    throw new Error(`redis did not answer in ${ms} ms`)
  })
  late.catch(() => {}) // once answered, its end is of no interest
  try {
    return await Promise.race([command, late])
  } finally {
    answered.abort()
  }
}
