import type { Part } from './picture-structure.ts'

/** The declaration of a motion photo in XMP, in Google's current and former format. */
const declaration = /(?:MotionPhoto|MicroVideo)(?:=["']1["']|>1<)|Item:Mime\s{0,20}=\s{0,20}["']video\/(?:mp4|quicktime)["']/
/** Bytes of XMP that are searched; the declaration is in its first packet. */
const searchedBytes = 1024 * 1024

export const declaresMotionVideo = (parts: readonly Part[]): boolean =>
  parts.some(({ kind, bytes }) => kind === 'xmp' && declaration.test(bytes.toString('latin1', 0, searchedBytes)))

/** Top-level boxes that phones write (ISO/IEC 14496-12, section 6.2.3). Anything else is not part of the video. */
const topLevelBoxes: ReadonlySet<string> = new Set([
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
 * Reads the top-level boxes of a video in the bytes of a picture.
 *
 * @returns offset of the first byte after it, or null if there is no complete video
 */
export function motionVideoEnd(bytes: Buffer, start: number): number | null {
  const seen = new Set<string>()
  let at = start
  while (at + 8 <= bytes.length) {
    const type = bytes.toString('latin1', at + 4, at + 8)
    const size = boxSize(bytes, at)
    if (!topLevelBoxes.has(type) || size < 8 || at + size > bytes.length) break
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
