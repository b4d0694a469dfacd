import { motionVideoEnd } from './motion-photo.ts'
import type { Part } from './picture-structure.ts'

/** The trailer ends with the length of its directory and the first mark; the directory begins with the second (ExifTool's Samsung.pm). */
const tail = 'SEFT'
const head = 'SEFH'
const tailBytes = 8
const directoryHeadBytes = 12
const entryBytes = 12

/**
 * Parses Samsung's trailer at the end of `bytes`: consecutive named blocks, and a directory with their distances from it.
 *
 * @returns the start of its first block, and its blocks as parts; a video among them must be complete. Null if there is no such trailer, or bytes
 *   of it belong to no block
 */
export function samsungTrailer(bytes: Buffer): { at: number; parts: Part[] } | null {
  const directory = directoryAt(bytes)
  const blocks = directory === null ? null : blocksOf(bytes, directory)
  if (directory === null || blocks === null) return null
  const at = blocks[0]?.start ?? directory
  let expected = at
  for (const { start, end } of blocks) {
    if (start !== expected) return null
    expected = end
  }
  if (expected !== directory) return null
  const parts = blocks.map(({ start, end }) => partOf(bytes, start, end))
  return parts.some((part) => part === null) ? null : { at, parts: parts as Part[] }
}

function directoryAt(bytes: Buffer): number | null {
  const end = bytes.length - tailBytes
  if (end < 0 || bytes.toString('latin1', end + 4) !== tail) return null
  const directory = end - bytes.readUInt32LE(end)
  return directory >= 0 && bytes.toString('latin1', directory, directory + 4) === head ? directory : null
}

function blocksOf(bytes: Buffer, directory: number): { start: number; end: number }[] | null {
  const count = bytes.readUInt32LE(directory + 8)
  if (directory + directoryHeadBytes + count * entryBytes !== bytes.length - tailBytes) return null
  return Array.from({ length: count }, (_, i) => {
    const entry = directory + directoryHeadBytes + i * entryBytes
    const start = directory - bytes.readUInt32LE(entry + 4)
    return { start, end: start + bytes.readUInt32LE(entry + 8) }
  }).sort((a, b) => a.start - b.start)
}

/** A block: a type in four bytes, the length of its name in four, its name, its data. */
function partOf(bytes: Buffer, start: number, end: number): Part | null {
  if (start < 0 || start + 8 > end) return null
  const nameEnd = start + 8 + bytes.readUInt32LE(start + 4)
  if (nameEnd > end) return null
  const name = bytes.toString('latin1', start + 8, nameEnd).replace(/[^ -~]/g, '?')
  if (name.startsWith('MotionPhoto_Data') && end - nameEnd > 16 && motionVideoEnd(bytes.subarray(0, end), nameEnd) !== end) return null
  return { where: `Samsung's trailer '${name}'`, kind: 'other', bytes: bytes.subarray(nameEnd, end), at: nameEnd }
}
