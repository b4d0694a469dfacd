import { randomUUID } from 'node:crypto'
import { type Log, storeCheckKey } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'

/** How long a failed check is not repeated, in ms. Meanwhile small files are sent in parts, like all others. */
const repeatAfterMs = 60_000

/**
 * Whether the store enforces `If-None-Match: *` on presigned PUTs, which makes one PUT safe: otherwise a client could replace an inspected object by
 * another one with the same MD5, which is all that its ETag shows. Checked once per process, when a small file is opened first.
 */
export function writeOnceCheck(store: Pick<ObjectStore, 'writesOnce'>, log: Log): () => Promise<boolean> {
  let known: Promise<boolean> | null = null
  let failedAt = Number.NEGATIVE_INFINITY
  const check = async () => {
    try {
      const enforced = await store.writesOnce(storeCheckKey(randomUUID()))
      if (!enforced)
        log.warn({}, 'the store does not enforce If-None-Match on presigned PUTs: direct uploads of any size are sent in parts')
      return enforced
    } catch (err) {
      log.warn({ err }, 'whether the store enforces If-None-Match on presigned PUTs is unknown: direct uploads are sent in parts')
      failedAt = performance.now()
      known = null
      return false
    }
  }
  return async () => {
    if (performance.now() - failedAt < repeatAfterMs) return false
    known ??= check()
    return known
  }
}
