import { Corrupt, TrailingData } from '../bad-bytes.ts'
import { counted } from './anatomy.ts'
import type { HuffmanTable, HuffmanTables } from './jpeg-huffman.ts'
import type { JpegFrame, ScanComponent } from './jpeg-scans.ts'

/** Some encoders leave a few bytes behind the last block. Nothing fits into so few. */
const toleratedBytes = 16
const lastCoefficient = 63
/** How many bits follow a code, in the low half of its value; the high half is a run of zeros. */
const sizeMask = 15

/** A scan of a baseline or extended picture, and what it is coded by. */
export interface SequentialScan {
  /** Where its coded data begins. */
  readonly at: number
  readonly frame: JpegFrame
  readonly components: readonly ScanComponent[]
  readonly tables: HuffmanTables
  readonly restartInterval: number
}

/** One kind of block in the order of a scan, and how often it comes in a unit. */
interface Blocks {
  readonly dc: HuffmanTable
  readonly ac: HuffmanTable
  readonly count: number
}

/**
 * Counts the blocks of a sequential scan, code by code: as many as the frame's size asks for, none missing, and nothing behind the last.
 *
 * Decoders stop at the last block and do not see what stands between it and the next marker. No value is computed: only the codes' lengths
 * matter. (Progressive scans need none of this: a decoder reads them all to the last marker before it shows anything.)
 *
 * @throws Corrupt, TrailingData
 */
export function countBlocks(bytes: Buffer, scan: SequentialScan): void {
  const { units, blocks } = layOut(scan)
  const reader = new CodeReader(bytes, scan.at)
  const interval = scan.restartInterval || units
  for (let done = 0, restart = 0; done < units; done += interval) {
    if (done > 0) reader.expectRestart(restart++ & 7)
    for (let unit = Math.min(interval, units - done); unit > 0; unit--) {
      for (const { dc, ac, count } of blocks) for (let i = 0; i < count; i++) reader.skipBlock(dc, ac)
    }
  }
  reader.expectMarker()
}

/** A scan of several components goes by units that hold blocks of each; a scan of one goes block by block (ITU-T T.81, A.2). */
function layOut({ frame, components, tables }: SequentialScan): { units: number; blocks: Blocks[] } {
  const [width, height] = [Math.max(...frame.components.map(({ h }) => h)), Math.max(...frame.components.map(({ v }) => v))]
  const tableOf = (id: number) => {
    const table = tables.get(id)
    if (!table) throw new Corrupt('a Huffman table of it is missing')
    return table
  }
  const blocksOf = ({ h, v, dcTable, acTable }: ScanComponent, alone: boolean): Blocks => ({
    dc: tableOf(dcTable),
    ac: tableOf(0x10 | acTable),
    count: alone ? 1 : h * v,
  })
  const [only] = components
  if (only && components.length === 1) {
    const across = Math.ceil(Math.ceil((frame.width * only.h) / width) / 8)
    const down = Math.ceil(Math.ceil((frame.height * only.v) / height) / 8)
    return { units: across * down, blocks: [blocksOf(only, true)] }
  }
  const units = Math.ceil(frame.width / (8 * width)) * Math.ceil(frame.height / (8 * height))
  return { units, blocks: components.map((component) => blocksOf(component, false)) }
}

/** Reads codes bit by bit; 0xFF in the data is followed by a 0 that does not count. */
class CodeReader {
  readonly #bytes: Buffer
  #at: number
  /** Bits that were read ahead, in the low end. */
  #bits = 0
  #count = 0
  /** Bits of nothing that were put behind the data's end. */
  #borrowed = 0

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  skipBlock(dc: HuffmanTable, ac: HuffmanTable): void {
    this.#takeCode(dc)
    for (let k = 1; k <= lastCoefficient; k++) {
      const value = this.#takeCode(ac)
      const run = value >> 4
      if ((value & sizeMask) === 0) {
        if (run !== 15) return
        k += 15
      } else {
        k += run
        if (k > lastCoefficient) throw new Corrupt('its pixels are damaged')
      }
    }
  }

  expectRestart(number: number): void {
    const at = this.#nextMarker()
    if (this.#bytes[at + 1] !== 0xd0 + number) throw new Corrupt(`there is a restart out of order at byte ${at}`)
    this.#at = at + 2
  }

  expectMarker(): void {
    this.#nextMarker()
  }

  /** Drops the rest of the last byte, and holds what comes before the next marker against what is tolerated. */
  #nextMarker(): number {
    if (this.#borrowed > this.#count) throw new Corrupt('pixels of it are missing')
    const unread = (this.#count - this.#borrowed) >> 3
    let at = this.#at
    while (at + 1 < this.#bytes.length) {
      at = this.#bytes.indexOf(0xff, at)
      if (at < 0) break
      if (this.#bytes[at + 1] === 0) at += 2
      else if (this.#bytes[at + 1] === 0xff) at += 1
      else return this.#withoutExcess(at, unread)
    }
    throw new Corrupt('it ends before the picture does')
  }

  #withoutExcess(marker: number, unread: number): number {
    const excess = marker - this.#at + unread
    if (excess > toleratedBytes) throw new TrailingData(`${counted(excess, 'byte')} that are no pixels stand behind its pixels`)
    this.#bits = this.#count = this.#borrowed = 0
    return marker
  }

  /** Reads a code and passes over the bits that it says follow it. */
  #takeCode(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill()
    const found = table.codeAt((this.#bits >>> (this.#count - 16)) & 0xffff)
    if (found === 0) throw new Corrupt('its pixels are damaged')
    this.#count -= found >> 8
    const following = found & sizeMask
    if (this.#count < following) this.#fill()
    this.#count -= following
    return found & 0xff
  }

  /** Up to 31 bits ahead. At a marker the data has ended; ones stand in for what is peeked at beyond. */
  #fill(): void {
    const bytes = this.#bytes
    while (this.#count <= 23) {
      const byte = bytes[this.#at]
      if (byte === undefined || (byte === 0xff && bytes[this.#at + 1] !== 0)) {
        if (this.#borrowed > 64) throw new Corrupt('pixels of it are missing')
        this.#bits = (this.#bits << 8) | 0xff
        this.#borrowed += 8
      } else {
        this.#bits = (this.#bits << 8) | byte
        this.#at += byte === 0xff ? 2 : 1
      }
      this.#count += 8
    }
  }
}
