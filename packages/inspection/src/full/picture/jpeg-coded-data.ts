import { Corrupt, TrailingData } from '../invalid-file.ts'
import { counted } from './picture-structure.ts'

/** Some encoders leave a few bytes after the last block. They are too few to contain anything. */
const toleratedBytes = 16

/** Bytes in memory without stuffing; more than a cache of the processor holds would make reading slower. */
const windowBytes = 32 * 1024

/** More than one block can take: 64 codes of 16 bits, each followed by 15 bits. */
const blockBytes = 256

/**
 * The entropy-coded data between two markers of a JPEG, window by window, without the 0 after each 0xFF (ITU-T T.81, B.1.1.5).
 *
 * A window is followed by ones, so that a block that is cut off can be read beyond the end without a check of each code. `advance` notices it.
 */
export class CodedData {
  /** The window. Its contents change when `advance` is called. */
  readonly view = new DataView(new ArrayBuffer(windowBytes + blockBytes))
  readonly #window = new Uint8Array(this.view.buffer)
  readonly #bytes: Buffer
  /** Offset in the file of the first byte that is not in the window yet. */
  #next: number
  #length = 0
  /** Bits of the window up to which a block can begin before the window must move. */
  #fullBits = 0

  /** @param at offset of the first byte */
  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#next = at
    this.#fill(0)
  }

  /**
   * Moves the window if the next block may not be complete in it.
   *
   * @param at the position after the last block: bits of the window
   * @returns the same position in the window as it is now
   * @throws Corrupt if the position is beyond the end of the data
   */
  advance(at: number): number {
    if (at <= this.#fullBits) return at
    this.#assertComplete(at)
    const read = at >>> 3
    this.#window.copyWithin(0, read, this.#length)
    this.#fill(this.#length - read)
    return at & 7
  }

  /** Whether a code of 16 bits that begins here would be beyond the end. */
  isCutOff(at: number): boolean {
    return at + 16 > this.#length * 8
  }

  /**
   * Continues after a restart marker.
   *
   * @returns the position after it
   * @throws Corrupt if there is another marker; as `expectMarker`
   */
  restart(at: number, number: number): number {
    const marker = this.expectMarker(at)
    if (this.#bytes[marker + 1] !== 0xd0 + number) throw new Corrupt(`there is a restart marker out of order at byte ${marker}`)
    this.#next = marker + 2
    this.#fill(0)
    return 0
  }

  /**
   * @param at the position after the last block; the rest of its byte is padding
   * @returns the offset of the next marker in the file
   * @throws Corrupt if the position is beyond the end of the data, TrailingData if too many bytes precede the marker
   */
  expectMarker(at: number): number {
    this.#assertComplete(at)
    const end = this.#offsetInFile((at + 7) >>> 3)
    const marker = this.#markerFrom(end)
    if (marker - end > toleratedBytes) throw new TrailingData(`${counted(marker - end, 'byte')} follow its pixels`)
    return marker
  }

  #assertComplete(at: number): void {
    if (at > this.#length * 8) throw new Corrupt('pixels are missing')
  }

  /** Fills the window after the first `kept` bytes, up to its end or to the next marker. */
  #fill(kept: number): void {
    const [bytes, window] = [this.#bytes, this.#window]
    let [from, to] = [this.#next, kept]
    while (to < windowBytes) {
      const byte = bytes[from]
      if (byte === undefined) break
      if (byte === 0xff) {
        if (bytes[from + 1] !== 0) break
        from++
      }
      window[to++] = byte
      from++
    }
    this.#next = from
    this.#length = to
    window.fill(0xff, to, to + blockBytes)
    this.#fullBits = (to === windowBytes ? windowBytes - blockBytes : to) * 8
  }

  /** Offset in the file of the byte with this index in the window. */
  #offsetInFile(index: number): number {
    let at = this.#next
    for (let i = index; i < this.#length; i++) at -= this.#window[i] === 0xff ? 2 : 1
    return at
  }

  #markerFrom(at: number): number {
    const bytes = this.#bytes
    while (at + 1 < bytes.length) {
      const found = bytes.indexOf(0xff, at)
      if (found < 0) break
      const next = bytes[found + 1]
      if (next !== 0 && next !== 0xff) return found
      at = found + (next === 0 ? 2 : 1)
    }
    throw new Corrupt('it is truncated')
  }
}
