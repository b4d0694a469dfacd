import { Readable } from 'node:stream'
import { type ByteSource, KiB } from '@airlock/domain'
import yauzl from 'yauzl'
import { readFully } from '../read-fully.ts'

/** One read from the store fetches this much: a directory of ten thousand entries has about a MiB, and is asked for in pieces of 46 bytes. */
const windowBytes = 512 * KiB

/** A source as yauzl reads it, by a window of its own. What the source throws is remembered, so that it isn't taken for the file's fault. */
export class SourceReader extends yauzl.RandomAccessReader {
  readonly #source: ByteSource
  #window: { start: number; bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) }
  sourceFailure: Error | null = null

  constructor(source: ByteSource) {
    super()
    this.#source = source
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (position < 0 || position >= this.#source.size) {
      callback(null, 0)
      return
    }
    this.bytes(position, Math.min(length, this.#source.size - position)).then(
      (bytes) => callback(null, bytes.copy(buffer, offset)),
      (error: Error) => {
        this.sourceFailure = error
        callback(error)
      },
    )
  }

  /** Never asked for: entries are unpacked by us, with bounds. */
  override _readStreamForRange(): Readable {
    return Readable.from([])
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null)
  }

  /** @param length start + length ≤ size */
  async bytes(start: number, length: number): Promise<Buffer> {
    const at = start - this.#window.start
    if (at < 0 || at + length > this.#window.bytes.length) {
      const wanted = Math.min(Math.max(length, windowBytes), this.#source.size - start)
      this.#window = { start, bytes: await readFully(this.#source, start, wanted) }
    }
    const from = start - this.#window.start
    return this.#window.bytes.subarray(from, from + length)
  }
}
