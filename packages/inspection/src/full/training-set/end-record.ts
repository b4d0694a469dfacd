import { ArchiveNotAllowed, Corrupt } from '../bad-bytes.ts'
import type { ArchiveReader } from './archive-reader.ts'

/** Where the central directory lies, as all the records at the archive's end agree. */
export interface DirectoryEnd {
  readonly entryCount: number
  readonly directoryStart: number
  /** Where the directory ends and the first of the end records begins. */
  readonly directoryEnd: number
  readonly comment: Buffer
}

const signature = { end: 0x0605_4b50, wideEnd: 0x0606_4b50, locator: 0x0706_4b50 } as const
const [endBytes, wideEndBytes, locatorBytes] = [22, 56, 20] as const
const maxCommentBytes = 0xffff
/** What a field holds whose value stands in the record of 64 bits. */
const [wideCount, wideNumber] = [0xffff, 0xffff_ffff] as const

const elsewhere = () => new ArchiveNotAllowed('its end names another place or size for its directory than the one where it stands')
const volumes = () => new Corrupt('it is one of several volumes')

/**
 * Reads the end of a ZIP (APPNOTE 6.3.10, sections 4.3.14 to 4.3.16): the last one there is, in 32 bits and where it has one in 64.
 *
 * Readers find the directory in different ways: by the offset in the end record, by its size counted back from there, or by the record of
 * 64 bits. So all of them must lead to the same bytes.
 *
 * @throws Corrupt when there is no end, ArchiveNotAllowed when its records disagree
 */
export async function readEnd(reader: ArchiveReader, archiveBytes: number): Promise<DirectoryEnd> {
  const tailStart = Math.max(0, archiveBytes - wideEndBytes - locatorBytes - endBytes - maxCommentBytes)
  const tail = Buffer.from(await reader.bytes(tailStart, archiveBytes - tailStart))
  const at = lastEndIn(tail)
  const end = tail.subarray(at, at + endBytes)
  const comment = tail.subarray(at + endBytes)
  if (end.readUInt16LE(20) !== comment.length) throw new Corrupt('something stands behind its end')
  const wide = wideEndBefore(tail, at, tailStart)
  const short = {
    disks: [end.readUInt16LE(4), end.readUInt16LE(6)],
    counts: [end.readUInt16LE(8), end.readUInt16LE(10)],
    bytes: end.readUInt32LE(12),
    start: end.readUInt32LE(16),
  }
  const all = wide ?? { ...short, endsAt: tailStart + at }
  if (wide) assertAgree(short, wide)
  if (all.disks.some((disk) => disk !== 0) || all.counts[0] !== all.counts[1]) throw volumes()
  if (all.start + all.bytes !== all.endsAt) throw elsewhere()
  return { entryCount: all.counts[1] ?? 0, directoryStart: all.start, directoryEnd: all.endsAt, comment }
}

function lastEndIn(tail: Buffer): number {
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(signature.end)
  const at = tail.length < endBytes ? -1 : tail.lastIndexOf(mark, tail.length - endBytes)
  if (at < 0) throw new Corrupt('its directory is missing: it is cut off')
  return at
}

interface EndFields {
  readonly disks: readonly number[]
  readonly counts: readonly number[]
  readonly bytes: number
  readonly start: number
}

/** The record of 64 bits, if a locator stands before the end. No byte may stand between them: no field of it would be read. */
function wideEndBefore(tail: Buffer, at: number, tailStart: number): (EndFields & { endsAt: number }) | null {
  const locatorAt = at - locatorBytes
  if (locatorAt < 0 || tail.readUInt32LE(locatorAt) !== signature.locator) return null
  const wideAt = locatorAt - wideEndBytes
  if (tail.readUInt32LE(locatorAt + 4) !== 0 || tail.readUInt32LE(locatorAt + 16) > 1) throw volumes()
  if (
    wideAt < 0 ||
    tail.readUInt32LE(wideAt) !== signature.wideEnd ||
    numberAt(tail, locatorAt + 8) !== tailStart + wideAt ||
    numberAt(tail, wideAt + 4) !== wideEndBytes - 12
  ) {
    throw elsewhere()
  }
  return {
    disks: [tail.readUInt32LE(wideAt + 16), tail.readUInt32LE(wideAt + 20)],
    counts: [numberAt(tail, wideAt + 24), numberAt(tail, wideAt + 32)],
    bytes: numberAt(tail, wideAt + 40),
    start: numberAt(tail, wideAt + 48),
    endsAt: tailStart + wideAt,
  }
}

/** A number beyond 2^53 is rounded, which no place in a file can be. */
const numberAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))

/** A field in 32 bits either leaves its value to 64, or has the same. */
function assertAgree(short: EndFields, wide: EndFields): void {
  const agrees = (here: number, there: number | undefined, leftTo: number) => here === there || here === leftTo
  if (
    !short.disks.every((disk, i) => agrees(disk, wide.disks[i], wideCount)) ||
    !short.counts.every((count, i) => agrees(count, wide.counts[i], wideCount)) ||
    !agrees(short.bytes, wide.bytes, wideNumber) ||
    !agrees(short.start, wide.start, wideNumber)
  ) {
    throw elsewhere()
  }
}
