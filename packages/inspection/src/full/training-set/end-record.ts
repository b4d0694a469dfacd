import { ArchiveNotAllowed, Corrupt } from '../invalid-file.ts'
import type { ArchiveReader } from './archive-reader.ts'

/** The position of the central directory, on which all end records agree. */
export interface DirectoryEnd {
  readonly entryCount: number
  readonly directoryStart: number
  /** Where the directory ends and the first end record begins. */
  readonly directoryEnd: number
  readonly comment: Buffer
}

const signature = { end: 0x0605_4b50, zip64End: 0x0606_4b50, locator: 0x0706_4b50 } as const
const [endBytes, zip64EndBytes, locatorBytes] = [22, 56, 20] as const
const maxCommentBytes = 0xffff
/** Values of fields whose real value is in the Zip64 end record. */
const [zip64Count, zip64Marker] = [0xffff, 0xffff_ffff] as const

const contradictory = () => new ArchiveNotAllowed('its end records are contradictory about the position or size of its central directory')
const splitArchive = () => new Corrupt('it is one volume of a split archive')

/**
 * Reads the last end record of a ZIP, and its Zip64 end record if there is one (APPNOTE 6.3.10, sections 4.3.14 to 4.3.16).
 *
 * Readers locate the central directory in different ways: by the offset in the end record, by its size counted back from there, or by the
 * Zip64 end record. So all of them must lead to the same bytes.
 *
 * @throws Corrupt if there is no end record, ArchiveNotAllowed if the records disagree
 */
export async function readEnd(reader: ArchiveReader, archiveBytes: number): Promise<DirectoryEnd> {
  const tailStart = Math.max(0, archiveBytes - zip64EndBytes - locatorBytes - endBytes - maxCommentBytes)
  const tail = Buffer.from(await reader.bytes(tailStart, archiveBytes - tailStart))
  const at = lastEndIn(tail)
  const end = tail.subarray(at, at + endBytes)
  const comment = tail.subarray(at + endBytes)
  if (end.readUInt16LE(20) !== comment.length) throw new Corrupt('bytes follow its end record')
  const zip64 = zip64EndBefore(tail, at, tailStart)
  const classic = {
    disks: [end.readUInt16LE(4), end.readUInt16LE(6)],
    counts: [end.readUInt16LE(8), end.readUInt16LE(10)],
    bytes: end.readUInt32LE(12),
    start: end.readUInt32LE(16),
  }
  const all = zip64 ?? { ...classic, endsAt: tailStart + at }
  if (zip64) assertAgree(classic, zip64)
  if (all.disks.some((disk) => disk !== 0) || all.counts[0] !== all.counts[1]) throw splitArchive()
  if (all.start + all.bytes !== all.endsAt) throw contradictory()
  return { entryCount: all.counts[1] ?? 0, directoryStart: all.start, directoryEnd: all.endsAt, comment }
}

function lastEndIn(tail: Buffer): number {
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(signature.end)
  const at = tail.length < endBytes ? -1 : tail.lastIndexOf(mark, tail.length - endBytes)
  if (at < 0) throw new Corrupt('it has no end record: it is truncated')
  return at
}

interface EndFields {
  readonly disks: readonly number[]
  readonly counts: readonly number[]
  readonly bytes: number
  readonly start: number
}

/** The Zip64 end record, if its locator precedes the end record. The three must be adjacent: no reader looks at bytes between them. */
function zip64EndBefore(tail: Buffer, at: number, tailStart: number): (EndFields & { endsAt: number }) | null {
  const locatorAt = at - locatorBytes
  if (locatorAt < 0 || tail.readUInt32LE(locatorAt) !== signature.locator) return null
  const zip64At = locatorAt - zip64EndBytes
  if (tail.readUInt32LE(locatorAt + 4) !== 0 || tail.readUInt32LE(locatorAt + 16) > 1) throw splitArchive()
  if (
    zip64At < 0 ||
    tail.readUInt32LE(zip64At) !== signature.zip64End ||
    numberAt(tail, locatorAt + 8) !== tailStart + zip64At ||
    numberAt(tail, zip64At + 4) !== zip64EndBytes - 12
  ) {
    throw contradictory()
  }
  return {
    disks: [tail.readUInt32LE(zip64At + 16), tail.readUInt32LE(zip64At + 20)],
    counts: [numberAt(tail, zip64At + 24), numberAt(tail, zip64At + 32)],
    bytes: numberAt(tail, zip64At + 40),
    start: numberAt(tail, zip64At + 48),
    endsAt: tailStart + zip64At,
  }
}

/** Numbers above 2^53 are rounded; no file is that large. */
const numberAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))

/** A field of the end record either refers to the Zip64 record, or has the same value. */
function assertAgree(classic: EndFields, zip64: EndFields): void {
  const agrees = (here: number, there: number | undefined, placeholder: number) => here === there || here === placeholder
  if (
    !classic.disks.every((disk, i) => agrees(disk, zip64.disks[i], zip64Count)) ||
    !classic.counts.every((count, i) => agrees(count, zip64.counts[i], zip64Count)) ||
    !agrees(classic.bytes, zip64.bytes, zip64Marker) ||
    !agrees(classic.start, zip64.start, zip64Marker)
  ) {
    throw contradictory()
  }
}
