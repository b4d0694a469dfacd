import type { UploadRecord } from '@airlock/database'
import { assetKind } from '@airlock/domain'
import { JobQueueUnreachable, type QueueLane } from '@airlock/queue'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { type Moved, rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

const limit = 200

/** Accepted uploads on which no worker works: the job was lost, or never added. */
export const waiting = rule<UploadRecord>({
  async finds(after, { uploads }, { enqueueAfterSeconds }) {
    const batch = await uploads.waiting({ olderThanSeconds: enqueueAfterSeconds, limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  moves: enqueueAgain,
  wouldMove: wouldEnqueue,
  message: 'upload had no job, enqueued again',
  about,
})

/** Uploads whose worker stopped renewing its lease. If it comes back, its attempt no longer changes anything. */
export const lapsed = rule<UploadRecord>({
  async finds(after, { uploads }) {
    const batch = await uploads.lapsed({ limit, after: decodeCursor(after) })
    return { items: batch.uploads, next: encodeCursor(batch.next) }
  },
  moves: enqueueAgain,
  wouldMove: wouldEnqueue,
  message: "worker's lease expired, upload enqueued again",
  about,
})

function about({ id, state }: UploadRecord): object {
  return { uploadId: id, state }
}

function enqueueAgain(upload: UploadRecord, deps: SweepDeps): Promise<Moved> {
  return ifReachable(upload, deps, (lane) =>
    deps.jobQueue.ensureEnqueued(lane, { uploadId: upload.id, priority: upload.priority ?? undefined }),
  )
}

function wouldEnqueue(upload: UploadRecord, deps: SweepDeps): Promise<Moved> {
  return ifReachable(upload, deps, async (lane) => !(await deps.jobQueue.isEnqueued(lane, upload.id)))
}

async function ifReachable(
  { id, assetType }: UploadRecord,
  { log }: SweepDeps,
  enqueue: (lane: QueueLane) => Promise<boolean>,
): Promise<Moved> {
  if (assetType === null) throw new Error(`upload ${id} was accepted without an asset type`)
  try {
    return (await enqueue(assetKind(assetType).lane)) ? 'moved' : 'nothing to do'
  } catch (err) {
    if (!(err instanceof JobQueueUnreachable)) throw err
    log.warn({ uploadId: id, err }, 'upload not enqueued, the next sweep retries')
    return 'queue unreachable'
  }
}
