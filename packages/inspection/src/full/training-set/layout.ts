import { ArchiveNotAllowed, quoted } from '../bad-bytes.ts'
import { type Archive, type ArchiveEntry, flagBits } from './directory.ts'
import { HeadersDisagree } from './headers-disagree.ts'
import { localHeaderBytes } from './local-header.ts'

/** Bytes of the sizes that may follow an entry's data, with and without a signature, in 32 and in 64 bits (APPNOTE, section 4.3.9). */
const descriptorBytes: readonly number[] = [12, 16, 20, 24]

/** An entry, and where the next one begins, or the directory. */
export interface PlacedEntry<E extends ArchiveEntry> {
  readonly entry: E
  readonly next: number
}

/**
 * Puts entries into the order in which they lie in the file: from its first byte on, one after the other. Entries that share bytes make a
 * small file unpack without end. Their own headers are not read for it, so each has at least the bytes that the directory says.
 *
 * @throws ArchiveNotAllowed
 */
export function inFileOrder<E extends ArchiveEntry>(entries: readonly E[], directoryStart: number): PlacedEntry<E>[] {
  const inOrder = [...entries].sort((a, b) => a.start - b.start)
  if ((inOrder[0]?.start ?? directoryStart) !== 0) throw belongsToNone()
  return inOrder.map((entry, i) => {
    const next = inOrder[i + 1]?.start ?? directoryStart
    if (entry.start + localHeaderBytes + entry.rawName.length + entry.packedBytes > next) {
      throw new ArchiveNotAllowed(`the entry ${quoted(entry.name)} shares bytes with another`)
    }
    return { entry, next }
  })
}

const belongsToNone = () => new ArchiveNotAllowed('bytes in it belong to no entry')

/**
 * Bytes between entries are where things hide: only the sizes of the entry before may stand there. Where it announces them they must: unzip takes
 * entries without them for such as overlap.
 *
 * @throws ArchiveNotAllowed
 */
export function assertNothingBetween({ name, flags }: ArchiveEntry, dataEnd: number, next: number): void {
  const between = next - dataEnd
  const isAnnounced = (flags & flagBits.sizesBehind) !== 0
  if (between === 0 && isAnnounced) throw new ArchiveNotAllowed(`the entry ${quoted(name)} announces sizes behind its data and has none`)
  if (between !== 0 && !(isAnnounced && descriptorBytes.includes(between))) throw belongsToNone()
}

/**
 * Compares the sizes that follow an entry's data with the directory: a program that reads the archive as it comes has nothing else to go by.
 *
 * @throws ArchiveNotAllowed
 */
export async function assertSizesBehindAgree({ reader }: Archive, entry: ArchiveEntry, dataEnd: number, next: number): Promise<void> {
  const length = next - dataEnd
  if (length === 0) return
  const found = await reader.bytes(dataEnd, length)
  if (!found.equals(sizesBehindOf(entry, length))) throw new HeadersDisagree(entry.name)
}

const descriptorSignature = 0x0807_4b50

/** As they should be, in that many bytes. */
function sizesBehindOf({ crc32, packedBytes, unpackedBytes }: ArchiveEntry, length: number): Buffer {
  const [isSigned, isWide] = [length % 8 === 0, length >= 20]
  const all = Buffer.alloc(length)
  let at = isSigned ? all.writeUInt32LE(descriptorSignature) : 0
  at = all.writeUInt32LE(crc32, at)
  for (const size of [packedBytes, unpackedBytes]) at = isWide ? all.writeBigUInt64LE(BigInt(size), at) : all.writeUInt32LE(size, at)
  return all
}
