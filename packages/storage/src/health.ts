import type { ObjectStore } from './object-store.ts'
import { StoreUnavailable } from './store-errors.ts'

/**
 * Whether uploads can go on: whether the store answers, and does not refuse us. A store that only takes its time to list, as large buckets do,
 * is well: what counts then is that it answers for an object.
 *
 * @param options.timeoutMs how long it may take, in ms
 * @throws StoreUnavailable when nothing is answered in time
 * @throws StoreFailure, ObjectMissing when the store refuses us or has no such bucket
 */
export async function checkHealth(store: Pick<ObjectStore, 'check' | 'ping'>, options: { timeoutMs: number }): Promise<void> {
  const answered = store.ping(options)
  answered.catch(() => {}) // looked at only when the list does not come
  await store.check(options).catch((error: unknown) => {
    if (!(error instanceof StoreUnavailable)) throw error
    return answered
  })
}
