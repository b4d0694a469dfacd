import { type ByteSource, MiB, readableBytes } from '@airlock/domain'
import { ArchiveNotAllowed, Corrupt } from '../bad-bytes.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'
import { ArchiveReader } from './archive-reader.ts'
import { readEnd } from './end-record.ts'
import { decodedName, normalizedName } from './entry-names.ts'
import { assertNoLinkIn, extraFieldsIn, unicodePathIn, wideValuesIn } from './extra-fields.ts'

/** An entry, as the central directory describes it. */
export interface ArchiveEntry {
  /** With `/` between folders, and at the end of a folder; normalized. */
  readonly name: string
  readonly rawName: Buffer
  /** The name that some readers prefer to it, normalized; null when there is none. */
  readonly unicodeName: string | null
  readonly isFolder: boolean
  readonly flags: number
  readonly method: number
  /** The version of the format that an unpacker must know, times ten. */
  readonly neededVersion: number
  /** The upper half holds the mode on Unix, the lower the attributes of DOS and Windows. Zeros do not say anything. */
  readonly attributes: number
  readonly crc32: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** Where its own header begins. */
  readonly start: number
}

export interface Archive {
  /** In the order of the directory. */
  readonly entries: readonly ArchiveEntry[]
  /** Where the central directory begins. */
  readonly directoryStart: number
  readonly comment: Buffer
  readonly reader: ArchiveReader
}

export const flagBits = { encrypted: 0x1, sizesBehind: 0x8, strong: 0x40, utf8: 0x800, masked: 0x2000 } as const
/** What a field of 32 bits holds when its value stands in the extra field of 64. */
export const wideNumber = 0xffff_ffff

/** Ten thousand entries have one MiB, with the longest names that we take twelve. */
const maxDirectoryBytes = 32 * MiB
const progressEvery = 1000

/**
 * Reads the central directory of a ZIP (APPNOTE 6.3.10, section 4.3.12), which fills the bytes that the archive's end names, and no others.
 * The entries' own headers are read later, on the way through the archive.
 *
 * @param onProgress called after every so many entries
 * @throws Corrupt, ArchiveNotAllowed, Suspicious; what the source throws
 */
export async function readDirectory(source: ByteSource, maxEntries: number, onProgress: () => void): Promise<Archive> {
  const reader = new ArchiveReader(source)
  const { entryCount, directoryStart, directoryEnd, comment } = await readEnd(reader, source.size)
  if (entryCount > maxEntries) throw new ArchiveNotAllowed(`it has ${entryCount} entries; the maximum is ${maxEntries}`)
  if (directoryEnd - directoryStart > maxDirectoryBytes) {
    throw new ArchiveNotAllowed(`its directory is larger than ${readableBytes(maxDirectoryBytes)}`)
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
  if (at !== directory.length) throw new ArchiveNotAllowed('its directory holds more than the entries that its end counts')
  return { entries, directoryStart, comment, reader }
}

const entrySignature = 0x0201_4b50
const entryHeaderBytes = 46
const stored = 0

function readEntry(directory: Buffer, at: number): { entry: ArchiveEntry; end: number } {
  const damaged = () => new Corrupt('its directory is damaged')
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
  searchAside(directory.subarray(extraEnd, end), 'the comment of an entry')
  searchAside(extra, 'an extra field')
  const wide = wideValuesIn(fields)
  const [unpackedBytes = 0, packedBytes = 0, start = 0] = [24, 20, 42].map((field) => {
    const value = directory.readUInt32LE(at + field)
    return value === wideNumber ? wide() : value
  })
  if ([unpackedBytes, packedBytes, start].some(Number.isNaN)) throw damaged()
  if (![0, 0xffff].includes(directory.readUInt16LE(at + 34))) throw new Corrupt('it is one of several volumes')
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

/** What no unpacker shows can hold anything. */
export function searchAside(bytes: Buffer, where: string): void {
  if (bytes.length === 0) return
  searchText(bytes, where)
  searchBytes(bytes, where)
}
