import { MiB } from '@airlock/domain'

/** An entry that has been read, and what is left to do of it. */
export interface Examined {
  /** What is wrong with it, as a sentence, or null. */
  readonly fault: string | null
  readonly pixels?: number
  /** Decodes its pixels, in another thread. @returns what is wrong with them, as a sentence, or null */
  readonly decode?: () => Promise<string | null>
}

/** An entry whose turn comes. */
export interface EntryInTurn {
  readonly entry: { readonly name: string; readonly packedBytes: number; readonly unpackedBytes: number }
  /** Reads it and checks everything but its pixels. */
  examine(): Promise<Examined>
}

/**
 * An entry is examined while the one before is decoded when it has at most so many bytes and the other at most so many pixels: both are in
 * memory then, and their processor time counts together.
 */
const [maxBytesBeside, maxPixelsBeside] = [MiB, 4_000_000]

/** The first entry that something is wrong with, and what, as a sentence. */
export interface EntryFault {
  readonly name: string
  readonly fault: string
}

/**
 * Judges entries in their order, each by its bytes and then by its pixels. While another thread decodes a picture, the next entry is
 * examined; two pictures are never decoded at once.
 *
 * The result is that of judging them one after the other: the first entry with a fault decides, and an error counts only when no entry
 * before it has a fault. Nothing is under way any more when it returns or throws.
 *
 * @param onProgress called when an entry is done
 * @throws what examining or decoding throws
 */
export async function firstFault(entries: Iterable<EntryInTurn>, onProgress: () => void): Promise<EntryFault | null> {
  let decoding: Promise<EntryFault | null> = Promise.resolve(null)
  let pixels = 0
  for (const { entry, examine } of entries) {
    const fitsBeside = pixels <= maxPixelsBeside && Math.max(entry.packedBytes, entry.unpackedBytes) <= maxBytesBeside
    if (!fitsBeside && (await decoding) !== null) break
    const [before, current] = await Promise.allSettled([decoding, examine()])
    if (before.status === 'rejected') throw before.reason
    if (before.value !== null) break
    if (current.status === 'rejected') throw current.reason
    const { fault } = current.value
    if (fault !== null) return { name: entry.name, fault }
    pixels = current.value.pixels ?? 0
    decoding = finish(entry.name, current.value, onProgress)
  }
  return decoding
}

async function finish(name: string, { decode }: Examined, onProgress: () => void): Promise<EntryFault | null> {
  const fault = (await decode?.()) ?? null
  if (fault !== null) return { name, fault }
  onProgress()
  return null
}
