import { inflateSync } from 'node:zlib'
import { MiB } from '@airlock/domain'
import { Corrupt } from './invalid-file.ts'

/** The maximum unpacked size of a text or profile: the largest colour profiles have a few MiB, texts of AI tools a few hundred KiB. */
export const maxUnpackedBytes = 16 * MiB

/** The maximum for all texts and profiles of one file together. A picture with the whole workflow of an AI tool has a few MiB. */
const maxTotalUnpackedBytes = 32 * MiB

/** The maximum compression ratio of deflate. */
export const maxDeflateRatio = 1032

/** Counts what the texts and profiles of one file unpack to together: a limit per text does not limit their sum. */
export class UnpackingBudget {
  #leftBytes = maxTotalUnpackedBytes
  readonly #charged = new Set<Buffer>()

  /** Counts each stream once, however often it is unpacked. @throws Corrupt if the budget is exceeded */
  charge(packed: Buffer, bytes: number): void {
    if (this.#charged.has(packed)) return
    this.#charged.add(packed)
    this.#leftBytes -= bytes
    if (this.#leftBytes < 0) throw new Corrupt(`its texts and profiles unpack to more than ${maxTotalUnpackedBytes / MiB} MiB together`)
  }
}

/**
 * Unpacks a zlib stream that must be complete.
 *
 * @param where for the message, for example "its chunk 'zTXt'"
 * @param maxBytes maximum unpacked size
 * @throws Corrupt
 */
export function unpacked(packed: Buffer, where: string, maxBytes: number): Buffer {
  const bytes = unpackedOrNull(packed, where, maxBytes)
  if (bytes === null) throw new Corrupt(`${where} can't be unpacked`)
  return bytes
}

/**
 * The same for data that is not needed to show the picture.
 *
 * @returns null if it can't be unpacked
 * @throws Corrupt if it unpacks to more than `maxBytes`
 */
export function unpackedOrNull(packed: Buffer, where: string, maxBytes: number): Buffer | null {
  try {
    return inflateSync(packed, { maxOutputLength: maxBytes })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return null
    throw new Corrupt(`${where} unpacks to more than ${maxBytes / MiB} MiB`, { cause })
  }
}
