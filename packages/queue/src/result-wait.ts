import { setTimeout } from 'node:timers/promises'
import type { FailFastQueues } from './fail-fast-queues.ts'
import type { JobEnd, JobEnds } from './job-ends.ts'
import { type JobResult, parseJobResult } from './payloads/job-result.ts'
import { JobFailed, JobGone, QueueUnreachable, ResultUnknown, WaitTimedOut } from './producer-errors.ts'

export interface ResultWaitOptions {
  timeoutMs: number
  lookEveryMs: number
  /** Fires when nobody waits any more; its reason is thrown. */
  closed: AbortSignal
  queues: FailFastQueues
}

/** What tells the ends of jobs. */
type Subscription = Pick<JobEnds, 'listen'>

/** A job that is not there is looked for once more, so much later: the sweeper takes a finished job away before it rings anew. */
const secondLookMs = 1000

/** One wait for one upload. Events tell its end at once; a look at the job now and then finds what an event that was lost did not tell. */
export class ResultWait {
  readonly #uploadId: string
  readonly #options: ResultWaitOptions
  readonly #over = new AbortController()
  readonly #told = Promise.withResolvers<JobEnd>()
  #unlisten: (() => void) | undefined
  #lastError: unknown

  constructor(uploadId: string, options: ResultWaitOptions) {
    this.#uploadId = uploadId
    this.#options = options
  }

  /** @param subscribe called again for as long as Redis is away */
  async result(subscribe: () => Promise<Subscription>): Promise<JobResult> {
    const { timeoutMs, closed } = this.#options
    const signal = AbortSignal.any([this.#over.signal, closed])
    const late = setTimeout(timeoutMs, undefined, { signal }).then(() => {
      throw new WaitTimedOut(`upload ${this.#uploadId} came to no end in ${timeoutMs} ms`, { cause: this.#lastError })
    })
    try {
      return this.#resultOf(await Promise.race([this.#told.promise, this.#looks(subscribe, signal), late]))
    } catch (error) {
      closed.throwIfAborted()
      throw error
    } finally {
      this.#over.abort()
      this.#unlisten?.()
    }
  }

  /** Listens first and looks then, so that no end falls between the two. */
  async #looks(subscribe: () => Promise<Subscription>, signal: AbortSignal): Promise<JobEnd> {
    let missed = 0
    for (;;) {
      const seen = await this.#look(subscribe)
      signal.throwIfAborted()
      if (typeof seen === 'object') return seen
      missed = seen === 'gone' ? missed + 1 : 0
      if (missed > 1) throw new JobGone(`Redis knows no job of upload ${this.#uploadId}: enqueue it again`)
      await setTimeout(missed > 0 ? secondLookMs : this.#options.lookEveryMs, undefined, { signal })
    }
  }

  async #look(subscribe: () => Promise<Subscription>): Promise<JobEnd | 'pending' | 'gone'> {
    try {
      if (this.#unlisten === undefined) {
        const ends = await subscribe()
        this.#over.signal.throwIfAborted()
        this.#unlisten = ends.listen(this.#uploadId, this.#told.resolve)
      }
      const seen = await this.#options.queues.reachable('look at the job', () => this.#endInRedis())
      this.#lastError = undefined
      return seen
    } catch (error) {
      if (!(error instanceof QueueUnreachable)) throw error
      this.#lastError = error
      return 'pending'
    }
  }

  async #endInRedis(): Promise<JobEnd | 'pending' | 'gone'> {
    const queue = this.#options.queues.queue('videos')
    const state = await queue.getJobState(this.#uploadId)
    if (state === 'unknown') return 'gone'
    if (state !== 'completed' && state !== 'failed') return 'pending'
    const job = await queue.getJob(this.#uploadId) // after its state: once ended, it does not change
    if (job === undefined) return 'gone'
    return state === 'completed' ? { status: 'completed', returned: job.returnvalue } : { status: 'failed', reason: job.failedReason }
  }

  #resultOf(end: JobEnd): JobResult {
    if (end.status === 'failed') throw new JobFailed(end.reason)
    if (end.returned === null)
      throw new ResultUnknown(`the job of upload ${this.#uploadId} ended without a result: GET /api/jobs/${this.#uploadId} tells`)
    return parseJobResult(end.returned)
  }
}
