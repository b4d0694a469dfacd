import { Corrupt } from '../corrupt.ts'

const signatureBytes = 8
/** Length, type and CRC, around a chunk's data. */
const chunkFrameBytes = 12

/**
 * Follows the chunks of a PNG to its IEND: decoders stop at the last pixel and do not miss the end (PNG, third edition, section 5).
 *
 * @throws Corrupt when a chunk, or the end, is missing
 */
export function walkPng(bytes: Buffer): void {
  let offset = signatureBytes
  while (offset + chunkFrameBytes <= bytes.length) {
    const type = bytes.toString('latin1', offset + 4, offset + 8)
    offset += bytes.readUInt32BE(offset) + chunkFrameBytes
    if (type === 'IEND' && offset <= bytes.length) return
  }
  throw new Corrupt('it ends before the picture does')
}
