import { ArchiveNotAllowed, HeaderMismatch, quoted } from '../invalid-file.ts'
import { type Archive, type ArchiveEntry, flagBits } from './directory.ts'
import { localHeaderBytes } from './local-header.ts'

/** Sizes of a data descriptor, with and without a signature, with 32-bit and 64-bit sizes (APPNOTE, section 4.3.9). */
const descriptorBytes: readonly number[] = [12, 16, 20, 24]

/** An entry, and the offset of the next one, or of the central directory after the last. */
export interface PlacedEntry<E extends ArchiveEntry> {
  readonly entry: E
  readonly next: number
}

/**
 * Sorts entries by their position. They must be consecutive from the first byte of the file: with overlapping entries a small file would unpack
 * without end. Local headers are not read yet, so an entry may be longer than the directory suggests.
 *
 * @throws ArchiveNotAllowed
 */
export function inFileOrder<E extends ArchiveEntry>(entries: readonly E[], directoryStart: number): PlacedEntry<E>[] {
  const inOrder = [...entries].sort((a, b) => a.start - b.start)
  if ((inOrder[0]?.start ?? directoryStart) !== 0) throw unownedBytes()
  return inOrder.map((entry, i) => {
    const next = inOrder[i + 1]?.start ?? directoryStart
    if (entry.start + localHeaderBytes + entry.rawName.length + entry.packedBytes > next) {
      throw new ArchiveNotAllowed(`the entry ${quoted(entry.name)} overlaps another entry`)
    }
    return { entry, next }
  })
}

const unownedBytes = () => new ArchiveNotAllowed('it contains bytes that belong to no entry')

/**
 * Only the data descriptor of the previous entry may be between entries: other bytes could hide content. If it is declared it must be present:
 * otherwise unzip reports overlapping entries.
 *
 * @throws ArchiveNotAllowed
 */
export function assertNoGap({ name, flags }: ArchiveEntry, dataEnd: number, next: number): void {
  const between = next - dataEnd
  const isDeclared = (flags & flagBits.dataDescriptor) !== 0
  if (between === 0 && isDeclared) throw new ArchiveNotAllowed(`the entry ${quoted(name)} declares a data descriptor but has none`)
  if (between !== 0 && !(isDeclared && descriptorBytes.includes(between))) throw unownedBytes()
}

/**
 * Compares an entry's data descriptor with the directory: a program that reads the archive as a stream knows only the descriptor.
 *
 * @throws ArchiveNotAllowed
 */
export async function assertDescriptorMatches({ reader }: Archive, entry: ArchiveEntry, dataEnd: number, next: number): Promise<void> {
  const length = next - dataEnd
  if (length === 0) return
  const found = await reader.bytes(dataEnd, length)
  if (!found.equals(descriptorOf(entry, length))) throw new HeaderMismatch(entry.name)
}

const descriptorSignature = 0x0807_4b50

/** The expected data descriptor of that length. */
function descriptorOf({ crc32, packedBytes, unpackedBytes }: ArchiveEntry, length: number): Buffer {
  const [isSigned, isZip64] = [length % 8 === 0, length >= 20]
  const all = Buffer.alloc(length)
  let at = isSigned ? all.writeUInt32LE(descriptorSignature) : 0
  at = all.writeUInt32LE(crc32, at)
  for (const size of [packedBytes, unpackedBytes]) at = isZip64 ? all.writeBigUInt64LE(BigInt(size), at) : all.writeUInt32LE(size, at)
  return all
}
