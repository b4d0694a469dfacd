import type { FileOnItsWay } from '@airlock/lifecycle'

/** A file this young says little about its pace, in ms. */
const youngMs = 1000

interface Mark {
  readonly at: number
  readonly bytes: number
}

/** How fast a file has been arriving of late: since the mark before the last one, or since it began. */
export class Pace {
  readonly #file: Pick<FileOnItsWay, 'arrivedBytes' | 'bytes'>
  #older: Mark
  #newer: Mark

  /** @param now in ms, of `performance.now()`, as everywhere here */
  constructor(file: Pick<FileOnItsWay, 'arrivedBytes' | 'bytes'>, now: number) {
    this.#file = file
    this.#older = { at: now, bytes: file.arrivedBytes() }
    this.#newer = this.#older
  }

  mark(now: number): void {
    this.#older = this.#newer
    this.#newer = { at: now, bytes: this.#file.arrivedBytes() }
  }

  /** Without end for a file that has arrived, or is too young to tell. */
  bytesPerSecond(now: number): number {
    const { at, bytes } = this.#older
    if (this.#file.bytes.readableEnded || now - at < youngMs) return Number.POSITIVE_INFINITY
    return ((this.#file.arrivedBytes() - bytes) * 1000) / (now - at)
  }

  /** For sorting: the slower one first, of equals the one of which less is lost. */
  compare(other: Pace, now: number): number {
    const [mine, others] = [this.bytesPerSecond(now), other.bytesPerSecond(now)]
    return mine === others ? this.#file.arrivedBytes() - other.#file.arrivedBytes() : mine - others
  }
}
