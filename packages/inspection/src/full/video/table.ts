import { KiB } from '@airlock/domain'
import { Corrupt } from '../invalid-file.ts'
import type { Box, BoxReader } from './box-reader.ts'

/** Bytes of a table in memory at once. A video of some hours has tables of several MiB. */
const stepBytes = 256 * KiB

/** Reads the numbers of a table box one after the other, unsigned and big-endian. */
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
   * @param headBytes bytes before the numbers in the box
   * @param count numbers in the table
   * @throws Corrupt if the box is too short
   */
  static of(boxes: BoxReader, box: Box, { headBytes, count, width = 4 }: { headBytes: number; count: number; width?: 4 | 8 }): Table {
    const at = box.body + headBytes
    const end = at + count * width
    if (end > box.end) throw new Corrupt(`the box '${box.type}' declares more entries than it contains`)
    return new Table(boxes, box.type, { at, end, width })
  }

  /** Whether `take` can be called without calling `fill` first. */
  get ready(): boolean {
    return this.#inStep < this.#step.length
  }

  /** @throws Corrupt if the table has ended */
  async fill(): Promise<void> {
    const length = Math.min(stepBytes, this.#end - this.#at)
    if (length <= 0) throw new Corrupt(`the box '${this.#type}' declares fewer entries than other boxes require`)
    // a copy, because the reader's window moves while several tables are read alternately
    this.#step = Buffer.from(await this.#boxes.bytes(this.#at, length))
    this.#at += length
    this.#inStep = 0
  }

  /** The next number; exact up to 2^53, which is larger than any file. */
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
