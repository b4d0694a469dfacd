import { inflateSync } from 'node:zlib'
import { Corrupt } from './bad-bytes.ts'

/** What a text or profile may unpack to: the largest colour profiles have some MiB, texts of AI tools some hundred KiB. */
export const maxUnpackedBytes = 16 * 1024 * 1024

/**
 * Unpacks a zlib stream that must be whole.
 *
 * @param where as in "its chunk 'zTXt'"
 * @param maxBytes what it may unpack to
 * @throws Corrupt
 */
export function unpacked(packed: Buffer, where: string, maxBytes: number): Buffer {
  try {
    return inflateSync(packed, { maxOutputLength: maxBytes })
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw new Corrupt(`${where} ${tooLarge ? `unpacks to more than ${maxBytes / 1024 / 1024} MiB` : 'does not unpack'}`, { cause })
  }
}
