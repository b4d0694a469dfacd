import { Corrupt } from '../bad-bytes.ts'

/** Longest code of a JPEG's Huffman table. */
const maxCodeBits = 16

/**
 * A table that is looked up with the next 16 bits: the code's length in the high byte and its value in the low one; 0 where no code begins so.
 */
export type HuffmanTable = Uint16Array

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
    tables.set(head, lookupOf(counts, body.subarray(at + 17, at + 17 + codes)))
    at += 17 + codes
  }
  if (at !== body.length) throw malformed()
}

/** Codes of one length follow each other; those of the next begin at the double (annex C). */
function lookupOf(counts: Buffer, values: Buffer): HuffmanTable {
  const table = new Uint16Array(1 << maxCodeBits)
  let [code, index] = [0, 0]
  for (let bits = 1; bits <= maxCodeBits; bits++) {
    for (let i = 0; i < (counts[bits - 1] ?? 0); i++) {
      const from = code << (maxCodeBits - bits)
      const to = (code + 1) << (maxCodeBits - bits)
      if (to > table.length) throw malformed()
      table.fill((bits << 8) | (values[index++] ?? 0), from, to)
      code++
    }
    code <<= 1
  }
  return table
}

const malformed = () => new Corrupt('its Huffman table is malformed')
