import type { Part } from './anatomy.ts'

/** The marks of a motion photo in XMP: Google's present and former format. */
const says = /(?:MotionPhoto|MicroVideo)(?:=["']1["']|>1<)|Item:Mime\s{0,20}=\s{0,20}["']video\/(?:mp4|quicktime)["']/
/** XMP is searched so far; the marks stand in its first packet. */
const searchedBytes = 1024 * 1024

export const announcesFilm = (parts: readonly Part[]): boolean =>
  parts.some(({ kind, bytes }) => kind === 'xmp' && says.test(bytes.toString('latin1', 0, searchedBytes)))

/** Outermost boxes that phones write (ISO/IEC 14496-12, section 6.2.3). Anything else is not the film any more. */
const boxes: ReadonlySet<string> = new Set([
  'ftyp',
  'moov',
  'mdat',
  'free',
  'skip',
  'wide',
  'uuid',
  'udta',
  'meta',
  'moof',
  'mfra',
  'sidx',
  'styp',
])

/**
 * Follows the outermost boxes of a film that stands in a picture's bytes.
 *
 * @returns the first byte behind it, or null when there is no whole film
 */
export function filmEnd(bytes: Buffer, start: number): number | null {
  const seen = new Set<string>()
  let at = start
  while (at + 8 <= bytes.length) {
    const type = bytes.toString('latin1', at + 4, at + 8)
    const size = boxSize(bytes, at)
    if (!boxes.has(type) || size < 8 || at + size > bytes.length) break
    if (at === start && type !== 'ftyp') return null
    seen.add(type)
    at += size
  }
  return seen.has('moov') && seen.has('mdat') ? at : null
}

function boxSize(bytes: Buffer, at: number): number {
  const size = bytes.readUInt32BE(at)
  if (size === 0) return bytes.length - at
  if (size !== 1) return size
  return at + 16 <= bytes.length ? Number(bytes.readBigUInt64BE(at + 8)) : 0
}
