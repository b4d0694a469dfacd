import { Corrupt } from '../invalid-file.ts'

/** Maximum length of a Huffman code in a JPEG. */
const maxCodeBits = 16

/** Codes of up to this many bits, which are nearly all, are found by one table lookup. */
const shortCodeBits = 9

/** The length of a code in the high byte, its value in the low byte; 0 if there is none. */
export type HuffmanCode = number

/** The low half of a code's value is the number of bits that follow it; the high half is a run of zeros. */
export const sizeMask = 15

/** Bits that determine a step; see `HuffmanTable.steps`. */
export const stepBits = 10
/** Parts of a step: its length in bits, and whether it ends the block. The higher bits are the number of coefficients. */
export const stepLengthMask = 31
export const endOfBlock = 32
/** More coefficients than a block has: no code of up to `stepBits` begins here. */
const noStep = 65 << 6

/** Finds the code at the beginning of given bits. It takes about 2 KiB; a look-up table for all 16 bits would take 128 KiB per table. */
export class HuffmanTable {
  /** By the first bits; 0 if no short code begins with them. */
  readonly #short = new Uint16Array(1 << shortCodeBits)
  /** By length: the first 16-bit value above all codes of this length. */
  readonly #limits = new Int32Array(maxCodeBits + 1)
  /** By length: the difference between the index of a code's value and the code. */
  readonly #offsets = new Int32Array(maxCodeBits + 1)
  readonly #values: Buffer
  #steps: Uint16Array | null = null

  /**
   * Codes of one length are consecutive; the next length continues with the doubled code (ITU-T T.81, annex C).
   *
   * @param counts number of codes of each length, from 1 to 16 bits
   * @param values of the codes, in their order
   * @throws Corrupt if there are more codes than fit
   */
  constructor(counts: Buffer, values: Buffer) {
    this.#values = values
    let [code, index] = [0, 0]
    for (let bits = 1; bits <= maxCodeBits; bits++) {
      this.#offsets[bits] = index - code
      for (let left = counts[bits - 1] ?? 0; left > 0; left--, code++, index++) {
        if (bits > shortCodeBits) continue
        const from = code << (shortCodeBits - bits)
        this.#short.fill((bits << 8) | (values[index] ?? 0), from, from + (1 << (shortCodeBits - bits)))
      }
      const limit = code << (maxCodeBits - bits)
      if (limit > 1 << maxCodeBits) throw malformed()
      this.#limits[bits] = limit
      code <<= 1
    }
  }

  /**
   * For the next `stepBits` bits: how many coefficients and bits all codes take that are complete in them. The bits that follow the last code may be
   * beyond. A step that ends the block counts as one coefficient more, so that a step fits if and only if it takes no more coefficients than are left.
   *
   * Only tables of a scan need it, so it is computed on demand.
   */
  get steps(): Uint16Array {
    this.#steps ??= this.#computedSteps()
    return this.#steps
  }

  /** Computes first the steps for fewer known bits, with which the longer ones continue after their first code. The index has a 1 before these bits. */
  #computedSteps(): Uint16Array {
    const all = new Uint16Array(2 << stepBits)
    for (let known = 1; known <= stepBits; known++) {
      for (let bits = 0; bits < 1 << known; bits++) {
        const code = this.codeAt(bits << (maxCodeBits - known))
        if (code !== 0 && code >> 8 <= known) all[(1 << known) | bits] = stepOf(code, known, bits, all)
      }
    }
    return all.subarray(1 << stepBits).map((step) => step || noStep)
  }

  /** @param next 16 bits */
  codeAt(next: number): HuffmanCode {
    return this.#short[next >>> (maxCodeBits - shortCodeBits)] || this.#longCodeAt(next)
  }

  #longCodeAt(next: number): HuffmanCode {
    for (let bits = shortCodeBits + 1; bits <= maxCodeBits; bits++) {
      if (next >= (this.#limits[bits] ?? 0)) continue
      return (bits << 8) | (this.#values[(this.#offsets[bits] ?? 0) + (next >>> (maxCodeBits - bits))] ?? 0)
    }
    return 0
  }
}

function stepOf(code: HuffmanCode, known: number, bits: number, shorter: Uint16Array): number {
  const [run, size] = [(code >> 4) & 15, code & sizeMask]
  if (size === 0 && run < 15) return (1 << 6) | endOfBlock | (code >> 8)
  const length = (code >> 8) + size
  const left = known - length
  const next = left > 0 ? (shorter[(1 << left) | (bits & ((1 << left) - 1))] ?? 0) : 0
  return next + ((run + 1) << 6) + length
}

/** The current tables by class (0 for DC, 1 for AC) and id, as in a DHT segment: `class << 4 | id`. */
export type HuffmanTables = Map<number, HuffmanTable>

/**
 * Reads the tables of a DHT segment: class and id in one byte, the number of codes of each length, and the values of the codes
 * (ITU-T T.81, B.2.4.2).
 *
 * @throws Corrupt
 */
export function readHuffmanTables(body: Buffer, tables: HuffmanTables): void {
  let at = 0
  while (at + 17 <= body.length) {
    const head = body[at] ?? 0
    const counts = body.subarray(at + 1, at + 17)
    const codes = counts.reduce((sum, count) => sum + count, 0)
    if (head >> 4 > 1 || (head & 15) > 3 || codes > 256 || at + 17 + codes > body.length) throw malformed()
    tables.set(head, new HuffmanTable(counts, body.subarray(at + 17, at + 17 + codes)))
    at += 17 + codes
  }
  if (at !== body.length) throw malformed()
}

const malformed = () => new Corrupt('its Huffman table is malformed')
