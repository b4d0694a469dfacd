import type { UploadRecord } from '@airlock/database'
import { assetKind } from '@airlock/domain'
import { JobQueueUnreachable, type QueueLane } from '@airlock/queue'
import { cursorOf, placeOf } from './cursor.ts'
import { type Moved, rule } from './rule.ts'
import type { SweepDeps } from './sweep-options.ts'

const limit = 200

/** Accepted, and nobody is at it: its job got lost, or never was. */
export const waiting = rule<UploadRecord>({
  async finds(after, { uploads }, { enqueueAfterSeconds }) {
    const batch = await uploads.waiting({ olderThanSeconds: enqueueAfterSeconds, limit, after: cursorOf(after) })
    return { items: batch.uploads, next: placeOf(batch.next) }
  },
  moves: ringFor,
  wouldMove: wouldRingFor,
  says: 'upload waits without a job, rung again',
  about,
})

/** A worker had it and is gone. Should it come back, its attempt is over: it changes nothing. */
export const lapsed = rule<UploadRecord>({
  async finds(after, { uploads }) {
    const batch = await uploads.lapsed({ limit, after: cursorOf(after) })
    return { items: batch.uploads, next: placeOf(batch.next) }
  },
  moves: ringFor,
  wouldMove: wouldRingFor,
  says: "worker's lease ran out, rung again",
  about,
})

function about({ id, state }: UploadRecord): object {
  return { uploadId: id, state }
}

function ringFor(upload: UploadRecord, deps: SweepDeps): Promise<Moved> {
  return asked(upload, deps, (lane) => deps.jobQueue.ensureEnqueued(lane, { uploadId: upload.id, priority: upload.priority ?? undefined }))
}

function wouldRingFor(upload: UploadRecord, deps: SweepDeps): Promise<Moved> {
  return asked(upload, deps, (lane) => deps.jobQueue.wouldRing(lane, upload.id))
}

async function asked({ id, assetType }: UploadRecord, { log }: SweepDeps, ring: (lane: QueueLane) => Promise<boolean>): Promise<Moved> {
  if (assetType === null) throw new Error(`upload ${id} was accepted without an asset type`)
  try {
    return (await ring(assetKind(assetType).lane)) ? 'moved' : 'nothing to do'
  } catch (err) {
    if (!(err instanceof JobQueueUnreachable)) throw err
    log.warn({ uploadId: id, err }, 'no worker woken, the next sweep will try')
    return 'unheard'
  }
}
