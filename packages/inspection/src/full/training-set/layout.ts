import { ArchiveNotAllowed, quoted } from '../bad-bytes.ts'
import type { Archive, ArchiveEntry } from './directory.ts'
import { HeadersDisagree } from './headers-disagree.ts'

/** Bytes of the sizes that may follow an entry's data, with and without a signature, in 32 and in 64 bits (APPNOTE, section 4.3.9). */
const descriptorBytes: readonly number[] = [12, 16, 20, 24]
const sizesBehind = 0x8

/**
 * Whether the entries lie one behind the other from the file's first byte to its directory. Entries that share bytes make a small file
 * unpack without end; bytes between them are where things hide.
 *
 * @throws ArchiveNotAllowed
 */
export function assertLaidOut({ entries, directoryStart }: Archive): void {
  const inOrder = [...entries].sort((a, b) => a.start - b.start)
  let expected = 0
  for (const [i, entry] of inOrder.entries()) {
    if (entry.start < expected) throw new ArchiveNotAllowed(`the entry ${quoted(entry.name)} shares bytes with another`)
    if (entry.start > expected) throw new ArchiveNotAllowed('bytes in it belong to no entry')
    const next = inOrder[i + 1]?.start ?? directoryStart
    expected = endOf(entry, next)
  }
  if (expected !== directoryStart) throw new ArchiveNotAllowed('bytes in it belong to no entry')
}

function endOf({ name, flags, dataEnd }: ArchiveEntry, next: number): number {
  if (dataEnd > next) throw new ArchiveNotAllowed(`the entry ${quoted(name)} shares bytes with another`)
  const hasDescriptor = (flags & sizesBehind) !== 0
  return hasDescriptor && descriptorBytes.includes(next - dataEnd) ? next : dataEnd
}

/**
 * Holds the sizes behind an entry's data against the directory: a program that reads the archive as it comes has nothing else to go by.
 *
 * @param next where the next entry begins, or the directory
 * @throws ArchiveNotAllowed
 */
export async function assertSizesBehindAgree({ bytes }: Archive, entry: ArchiveEntry, next: number): Promise<void> {
  const length = next - entry.dataEnd
  if (length === 0) return
  const found = await bytes(entry.dataEnd, length)
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
