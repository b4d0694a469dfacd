import { setTimeout as wait } from 'node:timers/promises'

/** Longer than any fault, and than delays of a busy machine. */
const tries = 120
const pauseMs = 500

/**
 * Repeats a call of chaos itself until it succeeds: a server may be unavailable, or the machine slow.
 *
 * @throws the last of many errors, or the first if the object is missing
 */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (attempt === tries || isGone(error)) throw error
      await wait(pauseMs)
    }
  }
}

/** Whether the store reports that the object is missing. */
export const isGone = (error: unknown): boolean => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404
