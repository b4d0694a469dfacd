import { Corrupt } from '../bad-bytes.ts'

/** Longest code of a JPEG's Huffman table. */
const maxCodeBits = 16

/** Codes of up to so many bits, which nearly all are, are found by one look. */
const shortCodeBits = 9

/** A code's length in bits in the high byte and its value in the low one; 0 stands for no code. */
export type HuffmanCode = number

/** Finds the code that bits begin with. It takes some 2 KiB: a look-up by all 16 bits would take 128, for each table of each picture. */
export class HuffmanTable {
  /** By the first bits; 0 where a longer code begins so, or none. */
  readonly #short = new Uint16Array(1 << shortCodeBits)
  /** By length: the first 16 bits that are beyond its codes and all shorter ones. */
  readonly #limits = new Int32Array(maxCodeBits + 1)
  /** By length: what leads from a code to the place of its value. */
  readonly #offsets = new Int32Array(maxCodeBits + 1)
  readonly #values: Buffer

  /**
   * Codes of one length follow each other; those of the next begin at the double (ITU-T T.81, annex C).
   *
   * @param counts how many codes there are of each length, from 1 to 16 bits
   * @param values of the codes, in their order
   * @throws Corrupt when there are more codes than there can be
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

/** The tables in force, by class (0 for DC, 1 for AC) and id, as a DHT segment names them: `class << 4 | id`. */
export type HuffmanTables = Map<number, HuffmanTable>

/**
 * Takes up the tables of a DHT segment: class and id in a byte, how many codes there are of each length, and then the codes' values
 * (ITU-T T.81, B.2.4.2).
 *
 * @throws Corrupt
 */
export function takeHuffman(body: Buffer, tables: HuffmanTables): void {
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
