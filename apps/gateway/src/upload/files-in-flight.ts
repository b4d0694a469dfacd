import { AirlockError } from '@airlock/domain'
import type { FileOnItsWay, Permits } from '@airlock/lifecycle'
import { type Claimant, FairPermits } from './fair-permits.ts'
import { Pace } from './pace.ts'

/** How long a file waits for a permit while its socket is held back, in ms. */
const longestWaitMs = 5000

/** How long a user below the share waits for a permit to come free by itself before somebody else's upload is ended, in ms. */
const graceMs = 400

/** How often those who wait are looked at, in ms. */
const lookEveryMs = 100

/** How often the pace of uploads is measured, in ms. */
const paceEveryMs = 5000

/** A file that holds a permit or waits for one. */
interface Place extends Claimant {
  readonly file: FileOnItsWay
  readonly pace: Pace
  readonly waitsSince: number
  come(): void
  giveUp(reason: Error): void
}

/**
 * Permits for files on their way to the store: they bound the memory of a process, however many clients connect. Users share them
 * (`FairPermits`): while somebody below the share waits, the slowest uploads of users above theirs are ended.
 */
export class FilesInFlight implements Permits {
  readonly #permits: FairPermits<Place>
  readonly #held = new Set<Place>()
  #looking: NodeJS.Timeout | null = null
  #measuring: NodeJS.Timeout | null = null

  /** @param max how many files may be on their way at once */
  constructor(max: number) {
    this.#permits = new FairPermits(max)
  }

  /**
   * Takes a permit, waiting up to 5 s for one.
   *
   * @param file is asked how far it is, and ended with `upload_share_exceeded` when its user has more than the share and others wait
   * @returns gives the permit back
   * @throws AirlockError `overloaded`; what the file failed with when it fails while it waits
   */
  async take(file: FileOnItsWay): Promise<() => void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waitsSince = performance.now()
    const place: Place = { userId: file.userId, file, pace: new Pace(file, waitsSince), waitsSince, come: resolve, giveUp: reject }
    const onClose = () => {
      if (!file.bytes.readableEnded) reject(file.bytes.errored ?? new AirlockError('upload_interrupted', { filename: file.filename }))
    }
    file.bytes.once('close', onClose)
    this.#permits.wait(place)
    this.#grant()
    try {
      await promise
    } catch (error) {
      this.#leave(place)
      throw error
    } finally {
      file.bytes.off('close', onClose)
    }
    return () => this.#leave(place)
  }

  #leave(place: Place): void {
    this.#held.delete(place)
    this.#permits.leave(place)
    this.#grant()
  }

  #grant(): void {
    for (let place = this.#permits.next(); place !== null; place = this.#permits.next()) {
      this.#held.add(place)
      place.come()
    }
    this.#setTimers()
  }

  /** Timers run only while there is something to look at. */
  #setTimers(): void {
    if (this.#permits.someWait) this.#looking ??= setInterval(() => this.#look(performance.now()), lookEveryMs)
    else this.#looking = stopped(this.#looking)
    if (this.#held.size > 0) this.#measuring ??= setInterval(() => this.#measure(performance.now()), paceEveryMs).unref()
    else this.#measuring = stopped(this.#measuring)
  }

  #measure(now: number): void {
    for (const { pace } of this.#held) pace.mark(now)
  }

  #look(now: number): void {
    for (const place of this.#permits.waiting()) {
      if (now - place.waitsSince >= longestWaitMs) place.giveUp(new AirlockError('overloaded', {}))
    }
    while (this.#permits.endings < this.#owed(now)) {
      const slowest = this.#permits.endable().toSorted((a, b) => a.pace.compare(b.pace, now))[0]
      if (slowest === undefined) return
      this.#permits.isEnding(slowest)
      slowest.file.end(this.#reasonFor(slowest))
    }
  }

  /** How many have waited for long enough, although their users are below the share. */
  #owed(now: number): number {
    return this.#permits.owed().filter(({ waitsSince }) => now - waitsSince >= graceMs).length
  }

  #reasonFor({ file: { filename } }: Place): AirlockError {
    const { permits, share } = this.#permits
    return new AirlockError('upload_share_exceeded', { filename, limit: permits, share: Math.floor(share) })
  }
}

function stopped(timer: NodeJS.Timeout | null): null {
  if (timer !== null) clearInterval(timer)
  return null
}
