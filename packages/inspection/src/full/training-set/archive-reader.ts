import { type ByteSource, MiB } from '@airlock/domain'
import { readFully } from '../byte-range.ts'

/** Bytes per read from the store. An archive of up to this size is read in one piece. */
const windowBytes = 4 * MiB

/** Reads an archive through a sliding window, so that a pass from its beginning to its end reads each byte about once. */
export class ArchiveReader {
  readonly #source: ByteSource
  #end: number
  #window: { start: number; bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) }

  constructor(source: ByteSource) {
    this.#source = source
    this.#end = source.size
  }

  /** Limits the window to the bytes before `end`: the rest has been read. */
  readOnlyTo(end: number): void {
    this.#end = end
  }

  /**
   * Bytes from anywhere in the archive, as a view of the window that is valid until the next call.
   *
   * @param length start + length ≤ the limit of `readOnlyTo`
   * @throws errors of the source
   */
  async bytes(start: number, length: number): Promise<Buffer> {
    const at = start - this.#window.start
    if (at < 0 || at + length > this.#window.bytes.length) await this.#move(start, length)
    const from = start - this.#window.start
    return this.#window.bytes.subarray(from, from + length)
  }

  /**
   * As many bytes as the window contains from `start` on, so that a long range is read piece by piece and no byte twice.
   *
   * @returns 1 to `maxLength` bytes, valid until the next call
   */
  async some(start: number, maxLength: number): Promise<Buffer> {
    const left = this.#window.start + this.#window.bytes.length - start
    const isInWindow = start >= this.#window.start && left > 0
    return this.bytes(start, isInWindow ? Math.min(left, maxLength) : Math.min(maxLength, windowBytes))
  }

  async #move(start: number, length: number): Promise<void> {
    const isSmall = this.#source.size <= windowBytes
    const from = isSmall ? 0 : start
    const to = isSmall ? this.#source.size : Math.max(start + length, Math.min(start + windowBytes, this.#end))
    this.#window = { start: from, bytes: await readFully(this.#source, from, to - from) }
  }
}
