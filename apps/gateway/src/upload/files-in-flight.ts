import { AirlockError } from '@airlock/domain'
import type { FileOnItsWay, Permits } from '@airlock/lifecycle'
import { type Claimant, FairPermits } from './fair-permits.ts'

/** Minimum age for a meaningful rate, in ms. */
const minAgeMs = 1000

interface Mark {
  readonly at: number
  readonly bytes: number
}

/** The recent rate of a file: since the mark before the last one, or since its start. */
class Pace {
  readonly #file: Pick<FileOnItsWay, 'arrivedBytes' | 'bytes'>
  #older: Mark
  #newer: Mark

  /** @param now in ms, from `performance.now()`, as in all methods */
  constructor(file: Pick<FileOnItsWay, 'arrivedBytes' | 'bytes'>, now: number) {
    this.#file = file
    this.#older = { at: now, bytes: file.arrivedBytes() }
    this.#newer = this.#older
  }

  mark(now: number): void {
    this.#older = this.#newer
    this.#newer = { at: now, bytes: this.#file.arrivedBytes() }
  }

  /** Infinite for a file that has arrived completely or is too new to measure. */
  bytesPerSecond(now: number): number {
    const { at, bytes } = this.#older
    if (this.#file.bytes.readableEnded || now - at < minAgeMs) return Number.POSITIVE_INFINITY
    return ((this.#file.arrivedBytes() - bytes) * 1000) / (now - at)
  }

  /** For sorting: the slower file first, among equals the one with fewer bytes to lose. */
  compare(other: Pace, now: number): number {
    const [mine, others] = [this.bytesPerSecond(now), other.bytesPerSecond(now)]
    return mine === others ? this.#file.arrivedBytes() - other.#file.arrivedBytes() : mine - others
  }
}

/** How long a file waits for a permit while its socket is held back, in ms. */
const longestWaitMs = 5000

/** How long a user below the share waits for a permit before another user's upload is ended, in ms. */
const graceMs = 400

/** How often waiters are checked, in ms. */
const checkEveryMs = 100

/** How often the pace of uploads is measured, in ms. */
const measureEveryMs = 5000

/** A file that holds a permit or waits for one. */
interface PermitRequest extends Claimant {
  readonly file: FileOnItsWay
  readonly pace: Pace
  readonly waitsSince: number
  grant(): void
  giveUp(reason: Error): void
}

/**
 * Permits for files in flight to the store: they bound the memory of a process, however many clients connect. Users share them
 * (`FairPermits`): while a user below the share waits, the slowest uploads of users above it are ended.
 */
export class FilesInFlight implements Permits {
  readonly #permits: FairPermits<PermitRequest>
  readonly #held = new Set<PermitRequest>()
  #checkTimer: NodeJS.Timeout | null = null
  #measureTimer: NodeJS.Timeout | null = null

  /** @param max the number of permits */
  constructor(max: number) {
    this.#permits = new FairPermits(max)
  }

  /** How many permits are taken, and how many there are. */
  get use(): { inUse: number; limit: number } {
    return { inUse: this.#held.size, limit: this.#permits.permits }
  }

  /**
   * Takes a permit, waiting up to 5 s for one.
   *
   * @param file its progress is measured; it is ended with `upload_share_exceeded` if its user exceeds the share while others wait
   * @returns a function that releases the permit
   * @throws AirlockError `overloaded`; the error of the file if it fails while it waits
   */
  async take(file: FileOnItsWay): Promise<() => void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waitsSince = performance.now()
    const entry: PermitRequest = { userId: file.userId, file, pace: new Pace(file, waitsSince), waitsSince, grant: resolve, giveUp: reject }
    const onClose = () => {
      if (!file.bytes.readableEnded) reject(file.bytes.errored ?? new AirlockError('upload_interrupted', { filename: file.filename }))
    }
    file.bytes.once('close', onClose)
    this.#permits.wait(entry)
    this.#grant()
    try {
      await promise
    } catch (error) {
      this.#leave(entry)
      throw error
    } finally {
      file.bytes.off('close', onClose)
    }
    return () => this.#leave(entry)
  }

  #leave(entry: PermitRequest): void {
    this.#held.delete(entry)
    this.#permits.leave(entry)
    this.#grant()
  }

  #grant(): void {
    for (let entry = this.#permits.next(); entry !== null; entry = this.#permits.next()) {
      this.#held.add(entry)
      entry.grant()
    }
    this.#setTimers()
  }

  /** Timers run only while needed. */
  #setTimers(): void {
    if (this.#permits.hasWaiters) this.#checkTimer ??= setInterval(() => this.#check(performance.now()), checkEveryMs)
    else this.#checkTimer = stopped(this.#checkTimer)
    if (this.#held.size > 0) this.#measureTimer ??= setInterval(() => this.#measure(performance.now()), measureEveryMs).unref()
    else this.#measureTimer = stopped(this.#measureTimer)
  }

  #measure(now: number): void {
    for (const { pace } of this.#held) pace.mark(now)
  }

  #check(now: number): void {
    for (const entry of this.#permits.waiting()) {
      if (now - entry.waitsSince >= longestWaitMs) entry.giveUp(new AirlockError('overloaded', {}))
    }
    while (this.#permits.endings < this.#owed(now)) {
      const slowest = this.#permits.endable().toSorted((a, b) => a.pace.compare(b.pace, now))[0]
      if (slowest === undefined) return
      this.#permits.isEnding(slowest)
      slowest.file.end(this.#reasonFor(slowest))
    }
  }

  /** The number of waiters below their share that have waited longer than the grace period. */
  #owed(now: number): number {
    return this.#permits.owed().filter(({ waitsSince }) => now - waitsSince >= graceMs).length
  }

  #reasonFor({ file: { filename } }: PermitRequest): AirlockError {
    const { permits, share } = this.#permits
    return new AirlockError('upload_share_exceeded', { filename, limit: permits, share: Math.floor(share) })
  }
}

function stopped(timer: NodeJS.Timeout | null): null {
  if (timer !== null) clearInterval(timer)
  return null
}
