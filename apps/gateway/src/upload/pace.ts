import type { FileOnItsWay } from '@airlock/lifecycle'

/** Minimum age for a meaningful rate, in ms. */
const minAgeMs = 1000

interface Mark {
  readonly at: number
  readonly bytes: number
}

/** The recent rate of a file: since the mark before the last one, or since its start. */
export class Pace {
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
