import { inflateSync } from 'node:zlib'
import { MiB } from '@airlock/domain'
import { Corrupt } from './bad-bytes.ts'

/** What a text or profile may unpack to: the largest colour profiles have some MiB, texts of AI tools some hundred KiB. */
export const maxUnpackedBytes = 16 * MiB

/** What all texts and profiles of one file may unpack to together. A picture of an AI tool with its whole workflow has some MiB. */
const maxUnpackedBytesInAll = 32 * MiB

/** How many times its own size a deflate stream can unpack to, at most. */
export const maxDeflateRatio = 1032

/** What the packed texts and profiles of one file may still unpack to. A limit for each alone would be no limit on their sum. */
export class UnpackingBudget {
  #leftBytes = maxUnpackedBytesInAll
  readonly #charged = new Set<Buffer>()

  /** Counts what a stream unpacked to, once for each stream. @throws Corrupt when the budget is exceeded */
  charge(packed: Buffer, bytes: number): void {
    if (this.#charged.has(packed)) return
    this.#charged.add(packed)
    this.#leftBytes -= bytes
    if (this.#leftBytes < 0) throw new Corrupt(`its texts and profiles unpack to more than ${maxUnpackedBytesInAll / MiB} MiB together`)
  }
}

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
    throw new Corrupt(`${where} unpacks to more than ${maxBytes / MiB} MiB`, { cause })
  }
}
