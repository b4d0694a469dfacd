import { MiB } from '@airlock/domain'

/** An entry that has been read and checked, except for the pixels of a picture. */
export interface ExaminedEntry {
  /** Its defect as a sentence, or null. */
  readonly fault: string | null
  readonly pixels?: number
  /** Decodes its pixels in another thread. @returns a defect as a sentence, or null */
  readonly decode?: () => Promise<string | null>
}

/** An entry that is to be checked. */
export interface PendingEntry {
  readonly entry: { readonly name: string; readonly packedBytes: number; readonly unpackedBytes: number }
  /** Reads the entry, and checks everything but pixels. */
  examine(): Promise<ExaminedEntry>
}

/**
 * The maximum bytes of an entry that is examined while the previous one is decoded, and the maximum pixels of that one: both are in memory then,
 * and their CPU time adds up.
 */
const [maxParallelBytes, maxParallelPixels] = [MiB, 4_000_000]

/** The first invalid entry, and its defect as a sentence. */
export interface EntryFault {
  readonly name: string
  readonly fault: string
}

/**
 * Checks entries in order, first their bytes, then their pixels. While another thread decodes a picture, the next entry is examined; two pictures
 * are never decoded at the same time.
 *
 * The result is the same as of checking one entry after the other: the first entry with a fault decides, and an error counts only if no earlier
 * entry has a fault. All work has ended when it returns or throws.
 *
 * @param onProgress called when an entry is done
 * @throws errors of examining or decoding
 */
export async function firstFault(entries: Iterable<PendingEntry>, onProgress: () => void): Promise<EntryFault | null> {
  let decoding: Promise<EntryFault | null> = Promise.resolve(null)
  let pixels = 0
  for (const { entry, examine } of entries) {
    const fitsInParallel = pixels <= maxParallelPixels && Math.max(entry.packedBytes, entry.unpackedBytes) <= maxParallelBytes
    if (!fitsInParallel && (await decoding) !== null) break
    const [before, current] = await Promise.allSettled([decoding, examine()])
    if (before.status === 'rejected') throw before.reason
    if (before.value !== null) break
    if (current.status === 'rejected') throw current.reason
    const { fault } = current.value
    if (fault !== null) return { name: entry.name, fault }
    pixels = current.value.pixels ?? 0
    decoding = decodeEntry(entry.name, current.value, onProgress)
  }
  return decoding
}

async function decodeEntry(name: string, { decode }: ExaminedEntry, onProgress: () => void): Promise<EntryFault | null> {
  const fault = (await decode?.()) ?? null
  if (fault !== null) return { name, fault }
  onProgress()
  return null
}
