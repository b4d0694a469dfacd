import type { ByteRange } from '../byte-range.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'

/** Resource forks contain previews at most, and a `.DS_Store` has a few KiB. */
export const maxMacosBytes = 1024 * 1024

/** Files that macOS adds to archives: an AppleDouble file with the metadata of each file, and a `.DS_Store` for each folder. */
const macosName = /(?:^|\/)(?:__MACOSX\/|\._[^/]*$|\.DS_Store$)/

export const isMacosName = (name: string): boolean => macosName.test(name)

/**
 * Checks that a file with a name of macOS has the format that macOS writes, and contains only metadata.
 *
 * @param bytes at most `maxMacosBytes`
 * @returns what is wrong with it, or null
 * @throws Suspicious
 */
export function macosFileFault(name: string, bytes: Buffer): string | null {
  const base = name.slice(name.lastIndexOf('/') + 1)
  const isValid = base === '.DS_Store' ? isDsStore(bytes) : base.startsWith('._') && isAppleDouble(bytes)
  if (!isValid) return 'it is not in the format that macOS writes under this name'
  searchText(bytes, 'its metadata')
  searchBytes(bytes, 'its metadata')
  return null
}

const appleDouble = { magic: 0x0005_1607, version: 0x0002_0000, headerBytes: 26, rowBytes: 12 } as const
/** Entry ids (RFC 1740, appendix B). The data fork is the file itself; all others are metadata. */
const [dataFork, resourceFork, lastKind] = [1, 2, 15] as const

/** A header whose entries describe consecutive ranges that fill the file. */
function isAppleDouble(bytes: Buffer): boolean {
  const { magic, version, headerBytes, rowBytes } = appleDouble
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== magic || bytes.readUInt32BE(4) !== version) return false
  const count = bytes.readUInt16BE(24)
  const headerEnd = headerBytes + count * rowBytes
  if (count === 0 || count > lastKind || headerEnd > bytes.length) return false
  const rows = Array.from({ length: count }, (_, i) => {
    const [kind = 0, start = 0, length = 0] = [0, 4, 8].map((field) => bytes.readUInt32BE(headerBytes + i * rowBytes + field))
    return { kind, start, end: start + length }
  })
  const areKinds = rows.every(({ kind }) => kind !== 0 && kind !== dataFork && kind <= lastKind)
  return (
    areKinds && areContiguous(rows, headerEnd, bytes.length) && rows.every((row) => row.kind !== resourceFork || isResourceFork(bytes, row))
  )
}

/** Whether ranges fill the bytes from `from` to `to` without overlaps; an empty range may be anywhere in between. */
function areContiguous(ranges: readonly ByteRange[], from: number, to: number): boolean {
  let at = from
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < from || end > to || (end > start && start !== at)) return false
    at = Math.max(at, end)
  }
  return at === to
}

const resourceHeaderBytes = 16

/** Resource data and the resource map, both inside of the fork (Inside Macintosh: More Macintosh Toolbox, page 1-122). */
function isResourceFork(bytes: Buffer, { start, end }: ByteRange): boolean {
  if (start === end) return true
  if (end - start < resourceHeaderBytes) return false
  const [data = 0, map = 0, dataBytes = 0, mapBytes = 0] = [0, 4, 8, 12].map((field) => bytes.readUInt32BE(start + field))
  return data >= resourceHeaderBytes && data + dataBytes <= end - start && map >= resourceHeaderBytes && map + mapBytes <= end - start
}

const buddyMagic = 'Bud1'
/** All offsets in the file are relative to its fifth byte. */
const buddyBase = 4
const [maxBlocks, maxKeys] = [65_536, 256] as const

/** `.DS_Store`: a block allocator whose table of contents contains `DSDB`, the tree of records. */
function isDsStore(bytes: Buffer): boolean {
  if (bytes.length < 36 || bytes.readUInt32BE(0) !== 1 || bytes.toString('latin1', 4, 8) !== buddyMagic) return false
  const [root = 0, rootBytes = 0, again = 0] = [8, 12, 16].map((at) => bytes.readUInt32BE(at))
  if (root !== again || buddyBase + root + rootBytes > bytes.length) return false
  try {
    const tree = treeBlockOf(bytes.subarray(buddyBase + root, buddyBase + root + rootBytes))
    return tree !== null && isTree(bytes, tree)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The block of the tree, according to the allocator's block list and table of contents. */
function treeBlockOf(root: Buffer): ByteRange | null {
  const count = root.readUInt32BE(0)
  if (count > maxBlocks) return null
  // the list has pages of 256 addresses
  let at = 8 + Math.ceil(count / 256) * 256 * 4
  for (let keys = root.readUInt32BE(at), key = 0; key < Math.min(keys, maxKeys); key++) {
    const nameAt = at + 4
    const nameEnd = nameAt + 1 + root.readUInt8(nameAt)
    if (root.toString('latin1', nameAt + 1, nameEnd) === 'DSDB') {
      const block = root.readUInt32BE(nameEnd)
      return block < count ? blockAt(root.readUInt32BE(8 + block * 4)) : null
    }
    at = nameEnd
  }
  return null
}

/** The last five bits of an address are the logarithm of the block's size. */
const blockAt = (address: number): ByteRange => {
  const start = buddyBase + (address & ~31) // a negative start fails the bounds check
  return { start, end: start + 2 ** (address & 31) }
}

const pageBytes = 4096

function isTree(bytes: Buffer, { start, end }: ByteRange): boolean {
  return start >= buddyBase && end <= bytes.length && bytes.readUInt32BE(start + 16) === pageBytes
}
