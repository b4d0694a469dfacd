import { Corrupt, TrailingData } from '../invalid-file.ts'
import type { HuffmanTable, HuffmanTables } from './jpeg-huffman.ts'
import type { JpegFrame, ScanComponent } from './jpeg-scans.ts'
import { counted } from './picture-structure.ts'

/** Some encoders leave a few bytes after the last block. They are too few to contain anything. */
const toleratedBytes = 16
const lastCoefficient = 63
/** The low half of a code's value is the number of bits that follow it; the high half is a run of zeros. */
const sizeMask = 15

/** A scan of a baseline or extended picture, with its tables. */
export interface SequentialScan {
  /** Offset of its entropy-coded data. */
  readonly at: number
  readonly frame: JpegFrame
  readonly components: readonly ScanComponent[]
  readonly tables: HuffmanTables
  readonly restartInterval: number
}

/** The blocks of one component in a minimum coded unit. */
interface Blocks {
  readonly dc: HuffmanTable
  readonly ac: HuffmanTable
  readonly count: number
}

/**
 * Verifies, code by code, that a sequential scan contains exactly the blocks that the frame's size requires.
 *
 * Decoders stop at the last block, and ignore bytes between it and the next marker. Only the lengths of codes matter, no values are computed.
 * (Progressive scans do not need it: decoders read them up to the last marker.)
 *
 * @throws Corrupt, TrailingData
 */
export function countBlocks(bytes: Buffer, scan: SequentialScan): void {
  const { units, blocks } = blockLayout(scan)
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

/** A scan of several components consists of units with blocks of each; a scan of one component consists of single blocks (ITU-T T.81, A.2). */
function blockLayout({ frame, components, tables }: SequentialScan): { units: number; blocks: Blocks[] } {
  const [width, height] = [Math.max(...frame.components.map(({ h }) => h)), Math.max(...frame.components.map(({ v }) => v))]
  const tableOf = (id: number) => {
    const table = tables.get(id)
    if (!table) throw new Corrupt('a Huffman table is missing')
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

/** Reads codes bit by bit. 0xFF in the data is followed by a stuffed 0. */
class CodeReader {
  readonly #bytes: Buffer
  #at: number
  /** Bits that were read ahead, the last one lowest. */
  #bits = 0
  #count = 0
  /** Padding bits that were appended after the end of the data. */
  #padding = 0

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
    if (this.#bytes[at + 1] !== 0xd0 + number) throw new Corrupt(`there is a restart marker out of order at byte ${at}`)
    this.#at = at + 2
  }

  expectMarker(): void {
    this.#nextMarker()
  }

  /** Discards the rest of the last byte, and finds the next marker. @throws TrailingData if too many bytes precede it */
  #nextMarker(): number {
    if (this.#padding > this.#count) throw new Corrupt('pixels are missing')
    const unread = (this.#count - this.#padding) >> 3
    let at = this.#at
    while (at + 1 < this.#bytes.length) {
      at = this.#bytes.indexOf(0xff, at)
      if (at < 0) break
      if (this.#bytes[at + 1] === 0) at += 2
      else if (this.#bytes[at + 1] === 0xff) at += 1
      else return this.#checkExcess(at, unread)
    }
    throw new Corrupt('it is truncated')
  }

  #checkExcess(marker: number, unread: number): number {
    const excess = marker - this.#at + unread
    if (excess > toleratedBytes) throw new TrailingData(`${counted(excess, 'byte')} follow its pixels`)
    this.#bits = this.#count = this.#padding = 0
    return marker
  }

  /** Reads a code, and skips the bits that follow it. */
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

  /** Reads up to 31 bits ahead. The data ends at a marker; after it, ones are used as padding. */
  #fill(): void {
    const bytes = this.#bytes
    while (this.#count <= 23) {
      const byte = bytes[this.#at]
      if (byte === undefined || (byte === 0xff && bytes[this.#at + 1] !== 0)) {
        if (this.#padding > 64) throw new Corrupt('pixels are missing')
        this.#bits = (this.#bits << 8) | 0xff
        this.#padding += 8
      } else {
        this.#bits = (this.#bits << 8) | byte
        this.#at += byte === 0xff ? 2 : 1
      }
      this.#count += 8
    }
  }
}
