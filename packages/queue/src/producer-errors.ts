/** Redis is away or silent: the job may have been added, or not. Enqueue it again; one id is one job. */
export class QueueUnreachable extends Error {
  override name = 'QueueUnreachable'
}

/**
 * The job failed and is not tried again: its payload broke the contract, or announced what is not there or not its sender's. The message is the
 * reason. A video that is in the inbox is not refused by that: Airlock takes it later as its own `x-amz-meta` headers say.
 */
export class JobFailed extends Error {
  override name = 'JobFailed'
}

/**
 * Redis knows no job of this upload: it was flushed, has dropped an old result, or the job was never enqueued. Enqueue the same video again and
 * wait again; one that has become an asset meanwhile is not made twice.
 */
export class JobGone extends Error {
  override name = 'JobGone'
}

/** The job ended without a result: another job has the upload, or its asset was deleted since. `GET /api/jobs/:id` tells. */
export class ResultUnknown extends Error {
  override name = 'ResultUnknown'
}

/** The upload came to no end in the time that was given. It goes on; wait again, or ask `GET /api/jobs/:id`. */
export class WaitTimedOut extends Error {
  override name = 'WaitTimedOut'
}

/** The producer was closed, so nobody hears how the upload ends. */
export class ProducerClosed extends Error {
  override name = 'ProducerClosed'
}
