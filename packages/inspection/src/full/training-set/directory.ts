import { type ByteSource, MiB, readableBytes } from '@airlock/domain'
import { ArchiveNotAllowed, Corrupt } from '../invalid-file.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'
import { ArchiveReader } from './archive-reader.ts'
import { readEnd } from './end-record.ts'
import { decodedName, normalizedName } from './entry-names.ts'
import { assertNoLinkIn, extraFieldsIn, unicodePathIn, zip64ValuesIn } from './extra-fields.ts'

/** An entry as the central directory describes it. */
export interface ArchiveEntry {
  /** Normalized; `/` separates folders, and ends the name of a folder. */
  readonly name: string
  readonly rawName: Buffer
  /** The Info-ZIP Unicode path, which some readers prefer, normalized; null if there is none. */
  readonly unicodeName: string | null
  readonly isFolder: boolean
  readonly flags: number
  readonly method: number
  /** The minimum version of the format that an unpacker must support, times ten. */
  readonly neededVersion: number
  /** The upper half contains the Unix mode, the lower half the attributes of DOS and Windows. Zeros mean unspecified. */
  readonly attributes: number
  readonly crc32: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** Offset of its local header. */
  readonly start: number
}

export interface Archive {
  /** In the order of the directory. */
  readonly entries: readonly ArchiveEntry[]
  /** Offset of the central directory. */
  readonly directoryStart: number
  readonly comment: Buffer
  readonly reader: ArchiveReader
}

export const flagBits = { encrypted: 0x1, dataDescriptor: 0x8, strongEncryption: 0x40, utf8: 0x800, maskedHeaders: 0x2000 } as const
/** The value of a 32-bit field whose real value is in the Zip64 extra field. */
export const zip64Marker = 0xffff_ffff

/** Ten thousand entries take 1 MiB; with names of the maximum length, 12 MiB. */
const maxDirectoryBytes = 32 * MiB
const progressEvery = 1000

/**
 * Reads the central directory of a ZIP (APPNOTE 6.3.10, section 4.3.12), which must fill exactly the range that the end record names. The local
 * headers are read later, together with the entries.
 *
 * @param onProgress called after each thousand entries
 * @throws Corrupt, ArchiveNotAllowed, Suspicious, errors of the source
 */
export async function readDirectory(source: ByteSource, maxEntries: number, onProgress: () => void): Promise<Archive> {
  const reader = new ArchiveReader(source)
  const { entryCount, directoryStart, directoryEnd, comment } = await readEnd(reader, source.size)
  if (entryCount > maxEntries) throw new ArchiveNotAllowed(`it has ${entryCount} entries; the maximum is ${maxEntries}`)
  if (directoryEnd - directoryStart > maxDirectoryBytes) {
    throw new ArchiveNotAllowed(`its central directory is larger than ${readableBytes(maxDirectoryBytes)}`)
  }
  const directory = Buffer.from(await reader.bytes(directoryStart, directoryEnd - directoryStart))
  reader.readOnlyTo(directoryStart)
  const entries: ArchiveEntry[] = []
  let at = 0
  while (entries.length < entryCount) {
    const { entry, end } = readEntry(directory, at)
    entries.push(entry)
    at = end
    if (entries.length % progressEvery === 0) onProgress()
  }
  if (at !== directory.length) throw new ArchiveNotAllowed('its central directory contains more entries than its end record counts')
  return { entries, directoryStart, comment, reader }
}

const entrySignature = 0x0201_4b50
const entryHeaderBytes = 46
const stored = 0

function readEntry(directory: Buffer, at: number): { entry: ArchiveEntry; end: number } {
  const damaged = () => new Corrupt('its central directory is damaged')
  if (at + entryHeaderBytes > directory.length || directory.readUInt32LE(at) !== entrySignature) throw damaged()
  const nameEnd = at + entryHeaderBytes + directory.readUInt16LE(at + 28)
  const extraEnd = nameEnd + directory.readUInt16LE(at + 30)
  const end = extraEnd + directory.readUInt16LE(at + 32)
  if (end > directory.length) throw damaged()
  const rawName = directory.subarray(at + entryHeaderBytes, nameEnd)
  const extra = directory.subarray(nameEnd, extraEnd)
  const [flags, method] = [directory.readUInt16LE(at + 8), directory.readUInt16LE(at + 10)]
  const name = normalizedName(decodedName(rawName, (flags & flagBits.utf8) !== 0))
  const fields = extraFieldsIn(extra)
  assertNoLinkIn(fields, name)
  searchHiddenBytes(directory.subarray(extraEnd, end), 'the comment of an entry')
  searchHiddenBytes(extra, 'an extra field')
  const zip64 = zip64ValuesIn(fields)
  const [unpackedBytes = 0, packedBytes = 0, start = 0] = [24, 20, 42].map((field) => {
    const value = directory.readUInt32LE(at + field)
    return value === zip64Marker ? zip64() : value
  })
  if ([unpackedBytes, packedBytes, start].some(Number.isNaN)) throw damaged()
  if (![0, 0xffff].includes(directory.readUInt16LE(at + 34))) throw new Corrupt('it is one volume of a split archive')
  if (method === stored && (flags & flagBits.encrypted) === 0 && packedBytes !== unpackedBytes) throw damaged()
  const unicodeName = unicodePathIn(fields)
  return {
    entry: {
      name,
      rawName,
      unicodeName: unicodeName === null ? null : normalizedName(unicodeName),
      isFolder: name.endsWith('/'),
      flags,
      method,
      neededVersion: directory.readUInt16LE(at + 6) & 0xff,
      attributes: directory.readUInt32LE(at + 38),
      crc32: directory.readUInt32LE(at + 16),
      packedBytes,
      unpackedBytes,
      start,
    },
    end,
  }
}

/** Searches bytes that no unpacker shows. @throws Suspicious */
export function searchHiddenBytes(bytes: Buffer, where: string): void {
  if (bytes.length === 0) return
  searchText(bytes, where)
  searchBytes(bytes, where)
}
