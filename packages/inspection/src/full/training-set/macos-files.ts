import { searchBytes, searchText } from '../suspicious/search.ts'

/** Resource forks have previews at most, and the look of a folder some KiB. */
export const maxMacosBytes = 1024 * 1024

/** What macOS adds to its archives: a twin of each file that holds its metadata, and the look of each folder. */
const macosName = /(?:^|\/)(?:__MACOSX\/|\._[^/]*$|\.DS_Store$)/

export const isMacosName = (name: string): boolean => macosName.test(name)

/**
 * What is wrong with a file of macOS, or null when it is what macOS writes under its name and holds nothing but metadata.
 *
 * @param bytes of at most `maxMacosBytes`
 * @throws Suspicious when something in it could be run, or be read as a file of its own
 */
export function faultOfMacosFile(name: string, bytes: Buffer): string | null {
  const base = name.slice(name.lastIndexOf('/') + 1)
  const isWhatItSays = base === '.DS_Store' ? isFolderLook(bytes) : base.startsWith('._') && isAppleDouble(bytes)
  if (!isWhatItSays) return 'it is not what macOS writes under its name'
  searchText(bytes, 'its metadata')
  searchBytes(bytes, 'its metadata')
  return null
}

const appleDouble = { magic: 0x0005_1607, version: 0x0002_0000, headerBytes: 26, rowBytes: 12 } as const
/** A fork of its own has a file's contents; all others describe them (RFC 1740, appendix B). */
const [dataFork, resourceFork, lastKind] = [1, 2, 15] as const

interface Stretch {
  readonly start: number
  readonly end: number
}

/** A header whose rows name stretches that lie one after the other and fill the file. */
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
  return areKinds && fill(rows, headerEnd, bytes.length) && rows.every((row) => row.kind !== resourceFork || isResourceFork(bytes, row))
}

/** Whether stretches follow each other from one place to another, sharing no byte; a stretch of no bytes may stand anywhere between. */
function fill(stretches: readonly Stretch[], from: number, to: number): boolean {
  let at = from
  for (const { start, end } of [...stretches].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < from || end > to || (end > start && start !== at)) return false
    at = Math.max(at, end)
  }
  return at === to
}

const resourceHeaderBytes = 16

/** Resources, and the map that lists them, both within (Inside Macintosh: More Macintosh Toolbox, page 1-122). */
function isResourceFork(bytes: Buffer, { start, end }: Stretch): boolean {
  if (start === end) return true
  if (end - start < resourceHeaderBytes) return false
  const [data = 0, map = 0, dataBytes = 0, mapBytes = 0] = [0, 4, 8, 12].map((field) => bytes.readUInt32BE(start + field))
  return data >= resourceHeaderBytes && data + dataBytes <= end - start && map >= resourceHeaderBytes && map + mapBytes <= end - start
}

const buddyMagic = 'Bud1'
/** All places in the file are counted from behind its first four bytes. */
const buddyBase = 4
const [maxBlocks, maxKeys] = [65_536, 256] as const

/** The Finder's file: an allocator of blocks, in whose table of contents `DSDB` names the tree of records. */
function isFolderLook(bytes: Buffer): boolean {
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

/** Where the tree's own block lies, by the allocator's list of blocks and its table of contents. */
function treeBlockOf(root: Buffer): Stretch | null {
  const count = root.readUInt32BE(0)
  if (count > maxBlocks) return null
  // the list is written in pages of 256
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

/** An address has the block's size in its last five bits, as a power of two. */
const blockAt = (address: number): Stretch => {
  const start = buddyBase + (address & ~31) // the sign does not matter: a start below zero is out of bounds
  return { start, end: start + 2 ** (address & 31) }
}

const pageBytes = 4096

function isTree(bytes: Buffer, { start, end }: Stretch): boolean {
  return start >= buddyBase && end <= bytes.length && bytes.readUInt32BE(start + 16) === pageBytes
}
