import { setTimeout } from 'node:timers/promises'
import type { Turns, WaitingUpload } from '@airlock/database'
import { assetKind, assetTypes } from '@airlock/domain'
import { type JobQueue, JobQueueUnreachable, type QueueLane } from '@airlock/queue'

export interface UserConcurrencyOptions {
  lane: QueueLane
  /** Jobs that may run at once in this lane of this worker, and how many of them may be one user's: at least 1, and not all of several. */
  places: number
  maxRunningPerUser: number
  uploads: Pick<Turns, 'nextInTurn'>
  jobQueue: Pick<JobQueue, 'bringToFront'>
}

/** Whether a job may run now: `go` until it is released, `yielded` to another user's job, or `throttled` since its user has as many as may. */
export type Admission = { readonly go: true; release(): void } | { readonly go: false; readonly reason: 'yielded' | 'throttled' }

/** How often a job that is throttled looks again, and how long it does before it makes room in the lane. */
const lookEveryMs = 200
const throttledForMs = 1000

/**
 * Shares one lane of a worker between users. A user may have all places but one, so that the next user's file finds one free; when more users
 * wait than there are places, Postgres says whose turn it is (docs/decisions/2026-11-27-users-take-turns-in-each-lane.md).
 */
export class UserConcurrency {
  readonly #options: UserConcurrencyOptions
  readonly #running = new Map<string, number>()
  readonly #released = new Set<() => void>()

  constructor(options: UserConcurrencyOptions) {
    this.#options = options
  }

  /**
   * Asks for a place. A job of a user who has as many as may waits up to a second for one to end: so a queue that is full of them is not
   * taken out and put back at full speed. Meanwhile a job of another user goes first as soon as there is one.
   *
   * @param signal ends the waiting: the job is `throttled`
   * @throws DatabaseUnavailable
   */
  async admit(uploadId: string, signal: AbortSignal): Promise<Admission> {
    const { lane, uploads } = this.#options
    const kinds = assetTypes.filter((type) => assetKind(type).lane === lane)
    const waitsUntil = performance.now() + throttledForMs
    let taken: string[] = []
    for (;;) {
      const turn = await uploads.nextInTurn(uploadId, { lane, assetTypes: kinds, excludedUsers: [...this.#usersWithoutRoom(), ...taken] })
      if (turn === null) return { go: true, release() {} } // the claim says what it is
      if (turn.next !== null && !(this.#hasRoom(turn.userId) && this.#hasPlacesLeft())) {
        if (await this.#broughtToFront(turn.next)) return { go: false, reason: 'yielded' }
        taken.push(turn.next.userId) // by another worker, this moment
        continue
      }
      if (this.#hasRoom(turn.userId)) return this.#place(turn.userId)
      if (signal.aborted || performance.now() > waitsUntil) return { go: false, reason: 'throttled' }
      await this.#change(signal)
      taken = []
    }
  }

  #hasRoom(userId: string): boolean {
    return (this.#running.get(userId) ?? 0) < this.#options.maxRunningPerUser
  }

  /** Whether another job finds a place when this one has taken its own: then nobody has to give way. */
  #hasPlacesLeft(): boolean {
    const running = [...this.#running.values()].reduce((sum, count) => sum + count, 0)
    return running + 1 < this.#options.places
  }

  #usersWithoutRoom(): string[] {
    return [...this.#running.keys()].filter((userId) => !this.#hasRoom(userId))
  }

  #place(userId: string): Admission {
    this.#running.set(userId, (this.#running.get(userId) ?? 0) + 1)
    return {
      go: true,
      release: () => {
        const left = (this.#running.get(userId) ?? 0) - 1
        if (left > 0) this.#running.set(userId, left)
        else this.#running.delete(userId)
        for (const look of this.#released) look()
      },
    }
  }

  /** Without Redis nobody can be called: then whoever is here goes. */
  async #broughtToFront({ uploadId, priority }: WaitingUpload): Promise<boolean> {
    const { lane, jobQueue } = this.#options
    return jobQueue.bringToFront(lane, { uploadId, priority: priority ?? undefined }).catch((error: unknown) => {
      if (!(error instanceof JobQueueUnreachable)) throw error
      return false
    })
  }

  /** Waits until a place was given back, or for a while. */
  async #change(signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const look = () => over.abort()
    this.#released.add(look)
    await setTimeout(lookEveryMs, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => {}) // both only end the waiting
    this.#released.delete(look)
  }
}
