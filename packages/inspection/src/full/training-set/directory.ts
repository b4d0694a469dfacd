import type { ByteSource } from '@airlock/domain'
import yauzl, { type Entry, type LocalFileHeader } from 'yauzl'
import { ArchiveNotAllowed, Corrupt } from '../bad-bytes.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'
import { HeadersDisagree } from './headers-disagree.ts'
import { SourceReader } from './source-reader.ts'

/** An entry, as the central directory and its own header say, where they agree. */
export interface ArchiveEntry {
  /** With `/` between folders, and at the end of a folder. */
  readonly name: string
  readonly isFolder: boolean
  readonly flags: number
  readonly method: number
  /** The version of the format that an unpacker must know, times ten. */
  readonly neededVersion: number
  /** What kind of file it is on Unix, the upper bits of its mode; 0 when it does not say. */
  readonly unixKind: number
  readonly crc32: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** Where its header begins, its data begins, and its data ends. */
  readonly start: number
  readonly dataStart: number
  readonly dataEnd: number
}

export interface Archive {
  readonly entries: readonly ArchiveEntry[]
  /** Where the central directory begins. */
  readonly directoryStart: number
  readonly comment: Buffer
  /** Bytes from anywhere in it. */
  readonly bytes: (start: number, length: number) => Promise<Buffer>
}

const open = (reader: SourceReader, size: number): Promise<yauzl.ZipFile> =>
  new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: true }
    yauzl.fromRandomAccessReader(reader, size, options, (error, zip) => (error ? reject(error) : resolve(zip)))
  })

/** What yauzl says, and what the client is told instead. First match first. */
const reasons: readonly (readonly [said: RegExp, reason: string])[] = [
  [/signature not found|unexpected eof|end of file/i, 'its directory is missing: it is cut off'],
  [/comment length/i, 'something stands behind its end'],
  [/multi-disk/i, 'it is one of several volumes'],
  [/strong encryption/i, 'it is encrypted'],
  [/^/, 'its directory is damaged'],
]

/**
 * Reads the directory of a ZIP and each entry's own header (APPNOTE 6.3.10, sections 4.3 and 4.4), by yauzl.
 *
 * @throws Corrupt, ArchiveNotAllowed
 */
export async function readDirectory(source: ByteSource, maxEntries: number): Promise<Archive> {
  const reader = new SourceReader(source)
  try {
    const zip = await open(reader, source.size)
    if (zip.entryCount > maxEntries) throw new ArchiveNotAllowed(`it has ${zip.entryCount} entries; the maximum is ${maxEntries}`)
    const directoryStart = Number(zip.readEntryCursor)
    const entries: ArchiveEntry[] = []
    for await (const entry of zip.eachEntry()) entries.push(await readEntry(zip, entry))
    const comment = Buffer.from(zip.comment)
    await assertDirectoryEnds(reader, source.size - comment.length, Number(zip.readEntryCursor))
    return { entries, directoryStart, comment, bytes: (start, length) => reader.bytes(start, length) }
  } catch (error) {
    throw reader.sourceFailure ?? explained(error)
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Corrupt || error instanceof ArchiveNotAllowed) return error
  // yauzl throws plain Errors, and RangeErrors where a field is cut off; anything else is our own mistake
  if (error.constructor !== Error && !(error instanceof RangeError)) return error
  return new Corrupt(reasons.find(([said]) => said.test(error.message))?.[1] ?? 'its directory is damaged', { cause: error })
}

const flagBits = { encrypted: 0x1, sizesBehind: 0x8, utf8: 0x800 } as const
const wide = 0xffff_ffff
const wideSizesId = 1

async function readEntry(zip: yauzl.ZipFile, entry: Entry): Promise<ArchiveEntry> {
  const header = await zip.readLocalFileHeaderPromise(entry)
  const name = nameOf(entry)
  assertAgree(name, entry, header)
  searchAside(entry.fileCommentRaw, 'the comment of an entry')
  searchAside(entry.extraFieldRaw, 'an extra field')
  searchAside(header.extraField, 'an extra field')
  return {
    name,
    isFolder: name.endsWith('/'),
    flags: entry.generalPurposeBitFlag,
    method: entry.compressionMethod,
    neededVersion: entry.versionNeededToExtract & 0xff,
    unixKind: madeOnUnix(entry) ? (entry.externalFileAttributes >>> 16) & 0xf000 : 0,
    crc32: entry.crc32,
    packedBytes: entry.compressedSize,
    unpackedBytes: entry.uncompressedSize,
    start: entry.relativeOffsetOfLocalHeader,
    dataStart: header.fileDataStart,
    dataEnd: header.fileDataStart + entry.compressedSize,
  }
}

/** What no unpacker shows can hold anything. */
function searchAside(bytes: Buffer, where: string): void {
  if (bytes.length === 0) return
  searchText(bytes, where)
  searchBytes(bytes, where)
}

/** Unix and macOS keep a file's mode in the entry; others have other things there. */
const madeOnUnix = ({ versionMadeBy }: Entry): boolean => [3, 19].includes(versionMadeBy >> 8)

/** Programs differ in which of the two headers they believe; so they must say the same. */
function assertAgree(name: string, entry: Entry, header: LocalFileHeader): void {
  const later = (header.generalPurposeBitFlag & flagBits.sizesBehind) !== 0
  const agrees = (here: number, there: number) => here === there || (later && here === 0)
  const own = sizesOf(header)
  const flags = flagBits.encrypted | flagBits.utf8
  if (
    !header.fileName.equals(entry.fileNameRaw) ||
    header.compressionMethod !== entry.compressionMethod ||
    (header.generalPurposeBitFlag & flags) !== (entry.generalPurposeBitFlag & flags) ||
    !agrees(header.crc32, entry.crc32) ||
    !agrees(own.packed, entry.compressedSize) ||
    !agrees(own.unpacked, entry.uncompressedSize)
  ) {
    throw new HeadersDisagree(name)
  }
}

/** The sizes in an entry's own header, or where they need 64 bits those in its extra field (section 4.5.3). NaN where that lacks them. */
function sizesOf({ compressedSize, uncompressedSize, extraField }: LocalFileHeader): { packed: number; unpacked: number } {
  if (compressedSize !== wide && uncompressedSize !== wide) return { packed: compressedSize, unpacked: uncompressedSize }
  const sizes = yauzl.parseExtraFields(extraField).find(({ id }) => id === wideSizesId)?.data ?? Buffer.alloc(0)
  let at = 0
  const next = () => {
    at += 8
    return at <= sizes.length ? Number(sizes.readBigUInt64LE(at - 8)) : Number.NaN
  }
  const unpacked = uncompressedSize === wide ? next() : uncompressedSize
  return { packed: compressedSize === wide ? next() : compressedSize, unpacked }
}

/** UTF-8, which most programs write whether they say so or not; else the letters of DOS, of which only ASCII's are told apart. */
function nameOf({ fileNameRaw, generalPurposeBitFlag }: Entry): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(fileNameRaw)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    if ((generalPurposeBitFlag & flagBits.utf8) !== 0) throw new ArchiveNotAllowed('a name in it is not valid UTF-8')
    return fileNameRaw.toString('latin1')
  }
}

const signature = { end: 0x0605_4b50, wideEnd: 0x0606_4b50 } as const
const [endBytes, wideEndBytes, locatorBytes] = [22, 56, 20] as const

/**
 * Behind the last entry comes the directory's end, in 64 bits before that if need be, and nothing else: it is the one that the file ends with,
 * not a first one behind which another begins.
 */
async function assertDirectoryEnds(reader: SourceReader, size: number, at: number): Promise<void> {
  const found = await reader.bytes(at, Math.min(wideEndBytes + locatorBytes + endBytes, Math.max(0, size - at)))
  const isWide = found.length >= wideEndBytes && found.readUInt32LE(0) === signature.wideEnd
  // one that is longer than its fields would hold what nobody reads; none of the writers makes one
  const wideBytes = isWide ? wideEndBytes + locatorBytes : 0
  const isLast = at + wideBytes + endBytes === size
  if (!isLast || (await reader.bytes(at + wideBytes, endBytes)).readUInt32LE(0) !== signature.end)
    throw new ArchiveNotAllowed('bytes behind its directory belong to nothing')
}
