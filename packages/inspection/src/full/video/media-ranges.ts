import { Corrupt } from '../bad-bytes.ts'

/** From its first byte to the first behind it. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Where media may lie: the contents of all `mdat` boxes. */
export class MediaRanges {
  readonly #ranges: readonly Range[]
  #last = 0

  /** @param ranges in the file's order */
  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges
  }

  /** @throws Corrupt when a stretch of samples does not lie in one media box */
  assertHolds(start: number, bytes: number, box: string): void {
    if (bytes === 0) return
    const range = this.#rangeAt(start)
    if (!range || start + bytes > range.end) throw new Corrupt(`the box '${box}' points to samples outside of the media`)
  }

  /** Chunks mostly follow each other, so the last range is tried first. */
  #rangeAt(offset: number): Range | undefined {
    const last = this.#ranges[this.#last]
    if (last && offset >= last.start && offset < last.end) return last
    let [low, high] = [0, this.#ranges.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const range = this.#ranges[middle] as Range
      if (offset < range.start) high = middle - 1
      else if (offset >= range.end) low = middle + 1
      else {
        this.#last = middle
        return range
      }
    }
    return undefined
  }
}
