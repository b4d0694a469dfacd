import type { ObjectStore } from '@airlock/storage'
import type { Log } from './log.ts'

export interface EmptyQuarantineDeps {
  store: Pick<ObjectStore, 'purge'>
  log: Log
}

/**
 * Removes the quarantined object of an upload whose end is committed. Twice does no harm. It never throws: the upload has ended well,
 * and what can't be removed now, the next run or the sweeper removes.
 */
export async function emptyQuarantine(
  { uploadId, quarantineKey }: { uploadId: string; quarantineKey: string },
  { store, log }: EmptyQuarantineDeps,
): Promise<void> {
  await store.purge(quarantineKey).catch((err: unknown) => log.warn({ uploadId, err }, 'quarantine not emptied yet, the sweeper will'))
}
