import type { ByteRange } from '../byte-range.ts'
import { Corrupt } from '../invalid-file.ts'

/** The ranges in which media may be: the contents of all `mdat` boxes. */
export class MediaRanges {
  readonly #ranges: readonly ByteRange[]
  #last = 0

  /** @param ranges in the file's order */
  constructor(ranges: readonly ByteRange[]) {
    this.#ranges = ranges
  }

  /** @throws Corrupt if samples are not inside of one media box */
  assertHolds(start: number, bytes: number, box: string): void {
    if (bytes === 0) return
    const range = this.#rangeAt(start)
    if (!range || start + bytes > range.end) throw new Corrupt(`the box '${box}' points to samples outside of the media`)
  }

  /** Chunks are usually consecutive, so the last range is tried first. */
  #rangeAt(offset: number): ByteRange | undefined {
    const last = this.#ranges[this.#last]
    if (last && offset >= last.start && offset < last.end) return last
    let [low, high] = [0, this.#ranges.length - 1]
    while (low <= high) {
      const middle = (low + high) >> 1
      const range = this.#ranges[middle] as ByteRange
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
