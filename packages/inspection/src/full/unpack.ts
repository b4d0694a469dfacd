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
  const bytes = unpackedIfWhole(packed, where, maxBytes)
  if (bytes === null) throw new Corrupt(`${where} does not unpack`)
  return bytes
}

/**
 * The same for what a picture can be shown without.
 *
 * @returns null when it does not unpack
 * @throws Corrupt when it unpacks to more
 */
export function unpackedIfWhole(packed: Buffer, where: string, maxBytes: number): Buffer | null {
  try {
    return inflateSync(packed, { maxOutputLength: maxBytes })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return null
    throw new Corrupt(`${where} unpacks to more than ${maxBytes / 1024 / 1024} MiB`, { cause })
  }
}
