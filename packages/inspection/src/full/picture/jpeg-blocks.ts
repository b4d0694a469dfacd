import { Corrupt } from '../invalid-file.ts'
import { CodedData } from './jpeg-coded-data.ts'
import { endOfBlock, type HuffmanCode, type HuffmanTable, type HuffmanTables, sizeMask, stepBits, stepLengthMask } from './jpeg-huffman.ts'
import type { JpegFrame, ScanComponent } from './jpeg-scans.ts'

/** Of a block. */
const coefficients = 64

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
  const data = new CodedData(bytes, scan.at)
  const interval = scan.restartInterval || units
  let at = 0
  for (let done = 0, restart = 0; done < units; done += interval) {
    if (done > 0) at = data.restart(at, restart++ & 7)
    for (let unit = Math.min(interval, units - done); unit > 0; unit--) {
      for (const { dc, ac, count } of blocks) {
        for (let i = 0; i < count; i++) at = blockEnd(data, data.advance(at), dc, ac)
      }
    }
  }
  data.expectMarker(at)
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

/**
 * The position after a block. Most codes are taken several at a time; what would end the block in between, and long codes, one by one.
 *
 * @param start position of the block: bits of the window
 * @throws Corrupt
 */
function blockEnd(data: CodedData, start: number, dc: HuffmanTable, ac: HuffmanTable): number {
  const { view } = data
  const { steps } = ac
  const first = codeAt(data, start, dc)
  let at = start + (first >> 8) + (first & sizeMask)
  for (let k = 1; k < coefficients; ) {
    const step = steps[(view.getUint32(at >>> 3) << (at & 7)) >>> (32 - stepBits)] ?? 0
    const next = k + (step >> 6)
    if (next <= coefficients) {
      at += step & stepLengthMask
      if (step & endOfBlock) return at
      k = next
      continue
    }
    const code = codeAt(data, at, ac)
    const [run, size] = [(code >> 4) & 15, code & sizeMask]
    at += (code >> 8) + size
    if (size === 0 && run < 15) return at
    k += run + 1
    if (k > coefficients && size > 0) throw new Corrupt('its pixels are damaged')
  }
  return at
}

/** @throws Corrupt if there is none */
function codeAt(data: CodedData, at: number, table: HuffmanTable): HuffmanCode {
  const code = table.codeAt((data.view.getUint32(at >>> 3) << (at & 7)) >>> 16)
  if (code === 0) throw new Corrupt(data.isCutOff(at) ? 'pixels are missing' : 'its pixels are damaged')
  return code
}
