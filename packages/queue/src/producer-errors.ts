/** Redis is unavailable or does not respond: the job may have been added, or not. Enqueue it again; an id never has two jobs. */
export class QueueUnreachable extends Error {
  override name = 'QueueUnreachable'
}

/**
 * The job failed and is not retried: its payload broke the contract, or its object does not exist or belongs to another user. The message is
 * the reason. The video itself is not refused: if it is in the inbox, Airlock enqueues it later, from its `x-amz-meta` headers.
 */
export class JobFailed extends Error {
  override name = 'JobFailed'
}

/**
 * Redis has no job of this upload: it was flushed, has removed an old result, or the job was never enqueued. Enqueue the same video again and
 * wait again; an upload never becomes two assets.
 */
export class JobGone extends Error {
  override name = 'JobGone'
}

/** The job ended without a result: another job has the upload, or its asset has been deleted. See `GET /api/jobs/:id`. */
export class ResultUnknown extends Error {
  override name = 'ResultUnknown'
}

/** The upload did not end within the given time. Its processing continues; wait again, or ask `GET /api/jobs/:id`. */
export class WaitTimedOut extends Error {
  override name = 'WaitTimedOut'
}

/** The producer was closed, so the result of the upload can't be awaited. */
export class ProducerClosed extends Error {
  override name = 'ProducerClosed'
}
