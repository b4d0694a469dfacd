import type { ObjectStore } from './object-store.ts'
import { StoreUnavailable } from './store-errors.ts'

/**
 * Checks that the store answers and does not refuse our requests. If only listing is slow, as for large buckets, the store is healthy as long as it
 * answers for an object.
 *
 * @param options.timeoutMs the time limit, in ms
 * @throws StoreUnavailable when there is no answer in time
 * @throws StoreFailure, ObjectMissing when the store refuses the request or the bucket does not exist
 */
export async function checkHealth(store: Pick<ObjectStore, 'check' | 'ping'>, options: { timeoutMs: number }): Promise<void> {
  const answered = store.ping(options)
  answered.catch(() => {}) // only used when listing fails
  await store.check(options).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error
    return answered
  })
}
