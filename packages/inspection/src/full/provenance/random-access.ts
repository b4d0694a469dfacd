import { MiB } from '@airlock/domain'
import { type Box, boxesIn, type LoadedBox } from '../video/box-reader.ts'
import type { HashedVideo } from './hashed-video.ts'

/** An hour of video with a fragment per second needs less than 100 KiB. */
const maxBytes = MiB

/**
 * Whether a box `mfra` contains nothing but positions for seeking (ISO/IEC 14496-12, section 8.8.9): its tables fill it, and every entry points to a
 * fragment. No hash covers this box, because its position depends on the credentials.
 */
export async function isRandomAccess({ boxes, topLevel }: HashedVideo, box: Box): Promise<boolean> {
  if (box.end - box.body > maxBytes) return false
  const fragments = new Set(topLevel.filter(({ type }) => type === 'moof').map(({ start }) => start))
  const contents = await boxes.contents(box, box.end - box.body)
  try {
    return [...boxesIn(contents, 'mfra')].every((child) => isTable(child, fragments) || isSize(child, box.end - box.start))
  } catch {
    return false // a damaged table could contain anything
  }
}

/** `tfra`: version and flags, a track, the sizes of three numbers in two bits each, a count; then for each entry a time, an offset, and three numbers. */
function isTable({ type, contents }: LoadedBox, fragments: ReadonlySet<number>): boolean {
  if (type !== 'tfra' || contents.length < 16 || contents.readUIntBE(1, 3) !== 0) return false
  const version = contents[0] ?? 0
  const sizes = contents.readUInt32BE(8)
  if (version > 1 || sizes > 0b111111) return false
  const offsetBytes = version === 1 ? 8 : 4
  const numberBytes = ((sizes >> 4) & 3) + ((sizes >> 2) & 3) + (sizes & 3) + 3
  const entryBytes = 2 * offsetBytes + numberBytes
  if (contents.length !== 16 + contents.readUInt32BE(12) * entryBytes) return false
  for (let at = 16 + offsetBytes; at < contents.length; at += entryBytes) {
    const offset = version === 1 ? Number(contents.readBigUInt64BE(at)) : contents.readUInt32BE(at)
    if (!fragments.has(offset)) return false
  }
  return true
}

/** `mfro`: version and flags, the size of the box that it ends. */
const isSize = ({ type, contents }: LoadedBox, size: number): boolean =>
  type === 'mfro' && contents.length === 8 && contents.readUInt32BE(0) === 0 && contents.readUInt32BE(4) === size
