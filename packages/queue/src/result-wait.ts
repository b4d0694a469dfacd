import { setTimeout } from 'node:timers/promises'
import type { FailFastQueues } from './fail-fast-queues.ts'
import type { JobEnd, JobEnds } from './job-ends.ts'
import { type JobResult, parseJobResult } from './payloads/job-result.ts'
import { JobFailed, JobGone, QueueUnreachable, ResultUnknown, WaitTimedOut } from './producer-errors.ts'

export interface ResultWaitOptions {
  timeoutMs: number
  lookEveryMs: number
  /** Aborts the wait; its reason is thrown. */
  closed: AbortSignal
  queues: FailFastQueues
}

/** A source of the ends of jobs. */
type Subscription = Pick<JobEnds, 'listen'>

/** After this time a missing job is read once more: the sweeper removes an ended job before it enqueues a new one. */
const secondLookMs = 1000

/** One wait for one upload. An event reports its end at once; reading the job at intervals covers lost events. */
export class ResultWait {
  readonly #uploadId: string
  readonly #options: ResultWaitOptions
  readonly #ended = new AbortController()
  readonly #end = Promise.withResolvers<JobEnd>()
  #unlisten: (() => void) | undefined
  #lastError: unknown

  constructor(uploadId: string, options: ResultWaitOptions) {
    this.#uploadId = uploadId
    this.#options = options
  }

  /** @param subscribe called again until it succeeds */
  async result(subscribe: () => Promise<Subscription>): Promise<JobResult> {
    const { timeoutMs, closed } = this.#options
    const signal = AbortSignal.any([this.#ended.signal, closed])
    const late = setTimeout(timeoutMs, undefined, { signal }).then(() => {
      throw new WaitTimedOut(`upload ${this.#uploadId} did not end within ${timeoutMs} ms`, { cause: this.#lastError })
    })
    try {
      return this.#resultOf(await Promise.race([this.#end.promise, this.#poll(subscribe, signal), late]))
    } catch (error) {
      closed.throwIfAborted()
      throw error
    } finally {
      this.#ended.abort()
      this.#unlisten?.()
    }
  }

  /** Subscribes before it reads the job, so that no end is missed in between. */
  async #poll(subscribe: () => Promise<Subscription>, signal: AbortSignal): Promise<JobEnd> {
    let missed = 0
    for (;;) {
      const seen = await this.#look(subscribe)
      signal.throwIfAborted()
      if (typeof seen === 'object') return seen
      missed = seen === 'gone' ? missed + 1 : 0
      if (missed > 1) throw new JobGone(`Redis has no job of upload ${this.#uploadId}: enqueue it again`)
      await setTimeout(missed > 0 ? secondLookMs : this.#options.lookEveryMs, undefined, { signal })
    }
  }

  async #look(subscribe: () => Promise<Subscription>): Promise<JobEnd | 'pending' | 'gone'> {
    try {
      if (this.#unlisten === undefined) {
        const ends = await subscribe()
        this.#ended.signal.throwIfAborted()
        this.#unlisten = ends.listen(this.#uploadId, this.#end.resolve)
      }
      const seen = await this.#options.queues.reachable('read the job', () => this.#endInRedis())
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
    const job = await queue.getJob(this.#uploadId) // read after its state, because an ended job no longer changes
    if (job === undefined) return 'gone'
    return state === 'completed' ? { status: 'completed', returned: job.returnvalue } : { status: 'failed', reason: job.failedReason }
  }

  #resultOf(end: JobEnd): JobResult {
    if (end.status === 'failed') throw new JobFailed(end.reason)
    if (end.returned === null)
      throw new ResultUnknown(`the job of upload ${this.#uploadId} ended without a result: see GET /api/jobs/${this.#uploadId}`)
    return parseJobResult(end.returned)
  }
}
