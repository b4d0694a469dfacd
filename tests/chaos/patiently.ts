import { setTimeout as wait } from 'node:timers/promises'

/** Longer than any fault lasts, and than a busy machine keeps a server from answering. */
const tries = 120
const pauseMs = 500

/**
 * Makes a call of chaos itself to a server, again until it is answered: a server may be unavailable, or a busy machine slow.
 *
 * @throws what the last of many tries threw, or the first when it says that nothing is there
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

/** Whether the store says that nothing is at a key. */
export const isGone = (error: unknown): boolean => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404
