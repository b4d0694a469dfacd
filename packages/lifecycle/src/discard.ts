import type { UploadRepository } from '@airlock/database'
import type { Refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import type { Log } from './log.ts'
import type { FileCounter, ReceivedFile } from './receive.ts'

export interface DiscardDeps {
  uploads: Pick<UploadRepository, 'abandon'>
  store: Pick<ObjectStore, 'purge'>
  counter: Pick<FileCounter, 'givenBack'>
  log: Log
}

/**
 * Removes a file that is in quarantine but was not accepted, because its form was refused or its client disconnected.
 *
 * The row is moved first, so that an accepted upload is never purged, however late this runs. It never throws; the sweeper retries what failed.
 *
 * @param options.giveBack the fault was ours: the file does not count against the user's hourly limit
 */
export async function discard(
  file: ReceivedFile,
  why: Refusal,
  options: { giveBack: boolean },
  { uploads, store, counter, log }: DiscardDeps,
): Promise<void> {
  const { uploadId, userId, filename, sizeBytes } = file
  try {
    const abandoned = await uploads.abandon(uploadId, why, options)
    if (options.giveBack) await counter.givenBack(userId)
    if (abandoned) await store.purge(file.quarantineKey)
    log.info({ uploadId, userId, filename, sizeBytes, code: why.code, step: 'discard' }, 'file refused')
  } catch (err) {
    log.warn({ uploadId, code: why.code, err }, 'upload not discarded, the sweeper retries')
  }
}
