import { KeyedSemaphore, resolvesWithin } from '@airlock/async'
import type { Turns, WaitingUpload } from '@airlock/database'
import { assetKind, assetTypes } from '@airlock/domain'
import type { Admission, Inspect } from '@airlock/lifecycle'
import { type JobQueue, JobQueueUnreachable, type QueueLane } from '@airlock/queue'

export interface UserConcurrencyOptions {
  lane: QueueLane
  /** Concurrent jobs in this lane of this worker, and the limit per user: at least 1, and fewer than `slots` if there are several. */
  slots: number
  maxRunningPerUser: number
  uploads: Pick<Turns, 'nextInTurn'>
  jobQueue: Pick<JobQueue, 'moveToFront'>
}

/** How often a throttled job checks again, and for how long before it leaves the lane. */
const checkEveryMs = 200
const maxWaitMs = 1000

/** Short, but long enough for the job to queue after those that wait now. */
const notNow = (): Admission => ({ go: false, retryInMs: 50 + Math.round(200 * Math.random()) })

/**
 * Shares one lane of a worker between users. A user may take all slots but one, so that the next user's file finds a free one; if more users
 * wait than there are slots, Postgres determines whose file is next (docs/decisions/2026-11-27-users-take-turns-in-each-lane.md).
 */
export class UserConcurrency {
  readonly #options: UserConcurrencyOptions
  readonly #running = new Map<string, number>()
  readonly #released = new Set<() => void>()

  constructor(options: UserConcurrencyOptions) {
    this.#options = options
  }

  /**
   * Requests a slot. A job whose user is at the limit waits up to a second for another to end, so that a queue full of such jobs is not
   * fetched and put back at full speed. Meanwhile a job of another user goes first as soon as there is one.
   *
   * @param signal ends the wait: the job may not run now
   * @throws DatabaseUnavailable
   */
  async admit(uploadId: string, signal: AbortSignal): Promise<Admission> {
    const { lane, uploads } = this.#options
    const kinds = assetTypes.filter((type) => assetKind(type).lane === lane)
    const waitsUntil = performance.now() + maxWaitMs
    let taken: string[] = []
    for (;;) {
      const candidate = await uploads.nextInTurn(uploadId, {
        lane,
        assetTypes: kinds,
        excludedUsers: [...this.#usersWithoutRoom(), ...taken],
      })
      if (candidate === null) return { go: true, release() {} } // the claim determines its state
      if (candidate.next !== null && !(this.#hasRoom(candidate.userId) && this.#hasSlotsLeft())) {
        if (await this.#broughtToFront(candidate.next)) return notNow()
        taken.push(candidate.next.userId) // another worker has just taken it
        continue
      }
      if (this.#hasRoom(candidate.userId)) return this.#takeSlot(candidate.userId)
      if (signal.aborted || performance.now() > waitsUntil) return notNow()
      await this.#change(signal)
      taken = []
    }
  }

  #hasRoom(userId: string): boolean {
    return (this.#running.get(userId) ?? 0) < this.#options.maxRunningPerUser
  }

  /** Whether a slot remains after this job takes one: then no job has to yield. */
  #hasSlotsLeft(): boolean {
    const running = [...this.#running.values()].reduce((sum, count) => sum + count, 0)
    return running + 1 < this.#options.slots
  }

  #usersWithoutRoom(): string[] {
    return [...this.#running.keys()].filter((userId) => !this.#hasRoom(userId))
  }

  #takeSlot(userId: string): Admission {
    this.#running.set(userId, (this.#running.get(userId) ?? 0) + 1)
    return {
      go: true,
      release: () => {
        const left = (this.#running.get(userId) ?? 0) - 1
        if (left > 0) this.#running.set(userId, left)
        else this.#running.delete(userId)
        for (const wake of this.#released) wake()
      },
    }
  }

  /** @returns false if Redis is unavailable: then the current job runs */
  async #broughtToFront({ uploadId, priority }: WaitingUpload): Promise<boolean> {
    const { lane, jobQueue } = this.#options
    return jobQueue.moveToFront(lane, { uploadId, priority: priority ?? undefined }).catch((error: unknown) => {
      if (!(error instanceof JobQueueUnreachable)) throw error
      return false
    })
  }

  /** Waits until a slot is released, or for `checkEveryMs`. */
  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#released.add(resolve)
    await resolvesWithin(promise, { ms: checkEveryMs, signal })
    this.#released.delete(resolve)
  }
}

/**
 * Limits the concurrent inspections of one user, so that a user with most jobs of a lane leaves an inspector free for others.
 *
 * @param maxPerUser at least 1
 */
export function sharedInspect(inspect: Inspect, maxPerUser: number): Inspect {
  const users = new KeyedSemaphore(maxPerUser)
  return (source, claim, signal) => users.run(claim.userId, () => inspect(source, claim, signal), signal)
}
