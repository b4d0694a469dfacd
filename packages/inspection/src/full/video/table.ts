import { KiB } from '@airlock/domain'
import { Corrupt } from '../bad-bytes.ts'
import type { Box, BoxReader } from './box-reader.ts'

/** So much of a table is in memory at once. A video of hours has tables of megabytes. */
const stepBytes = 256 * KiB

/** The numbers of a table box, one after the other, unsigned and big-endian. */
export class Table {
  readonly #boxes: BoxReader
  readonly #type: string
  readonly #width: 4 | 8
  #at: number
  readonly #end: number
  #step = Buffer.alloc(0)
  #inStep = 0

  private constructor(boxes: BoxReader, type: string, span: { at: number; end: number; width: 4 | 8 }) {
    this.#boxes = boxes
    this.#type = type
    this.#at = span.at
    this.#end = span.end
    this.#width = span.width
  }

  /**
   * @param headBytes what stands before the numbers in the box
   * @param count numbers in the table
   * @throws Corrupt when the box has no room for so many
   */
  static of(boxes: BoxReader, box: Box, { headBytes, count, width = 4 }: { headBytes: number; count: number; width?: 4 | 8 }): Table {
    const at = box.body + headBytes
    const end = at + count * width
    if (end > box.end) throw new Corrupt(`the box '${box.type}' says more than it holds`)
    return new Table(boxes, box.type, { at, end, width })
  }

  /** Whether `take` can be called as it is; if not, `fill` comes first. */
  get ready(): boolean {
    return this.#inStep < this.#step.length
  }

  /** @throws Corrupt when the table has ended */
  async fill(): Promise<void> {
    const length = Math.min(stepBytes, this.#end - this.#at)
    if (length <= 0) throw new Corrupt(`the box '${this.#type}' says less than others need`)
    // A copy: the reader's window moves on while several tables are read side by side
    this.#step = Buffer.from(await this.#boxes.bytes(this.#at, length))
    this.#at += length
    this.#inStep = 0
  }

  /** The next number; exact up to 2^53, and beyond that larger than any file. */
  take(): number {
    const number = this.#width === 4 ? this.#step.readUInt32BE(this.#inStep) : Number(this.#step.readBigUInt64BE(this.#inStep))
    this.#inStep += this.#width
    return number
  }

  async next(): Promise<number> {
    if (!this.ready) await this.fill()
    return this.take()
  }
}
