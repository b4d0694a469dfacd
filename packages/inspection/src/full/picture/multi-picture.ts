import { Tiff } from './exif.ts'
import type { Part } from './picture-structure.ts'

/** Tag of the list of pictures (CIPA DC-007, section 5.2.3), and size of its entries. */
const listTag = 0xb002
const entryBytes = 16

/** Bytes of XMP that are searched; the directory is in its first packet. */
const searchedBytes = 1024 * 1024

/** One tag of XMP, with its attributes. */
const tag = /<[^<>]*>/g
const isPicture = /Item:Mime\s{0,20}=\s{0,20}["']image\/jpeg["']/
const isSecondary = /Item:Semantic\s{0,20}=\s{0,20}["'](?!Primary)/

/** Whether a directory in XMP lists a further picture, as in Ultra HDR and depth photos: type and purpose are on the same item. */
function declaresFurtherPicture(xmp: string): boolean {
  if (xmp.includes('GDepth:Data')) return true
  for (const [item] of xmp.matchAll(tag)) if (isPicture.test(item) && isSecondary.test(item)) return true
  return false
}

/**
 * Whether a picture declares that another one begins at this offset: in an MPF list, by a directory in XMP, or by a number in EXIF, where a
 * maker note contains the offset of its preview.
 */
export function declaresPictureAt(parts: readonly Part[], at: number): boolean {
  return parts.some(({ kind, bytes, at: partAt }) => {
    if (kind === 'exif') return containsOffsetOf(bytes.subarray(0, maxExifBytes), partAt, at)
    if (kind === 'pictures') return offsetsOf(bytes).some((offset) => partAt + offset === at)
    return kind === 'xmp' && declaresFurtherPicture(bytes.toString('latin1', 0, searchedBytes))
  })
}

/** Offsets of the listed pictures, relative to the start of the list; 0 is the picture itself. */
function offsetsOf(list: Buffer): number[] {
  const tiff = new Tiff(list)
  if (!tiff.isTiff) return []
  const found = tiff.entries(tiff.firstDirectory).find(({ tag }) => tag === listTag)
  if (!found) return []
  return Array.from({ length: Math.min(64, Math.floor(found.count / entryBytes)) }, (_, i) =>
    tiff.u32(found.value + i * entryBytes + 8),
  ).filter((offset) => offset > 0)
}

/** The maximum size of a JPEG segment. */
const maxExifBytes = 64 * 1024
const maxTiffHeaders = 8

/**
 * Whether EXIF contains an offset as a 4-byte number, relative to the start of the file, of the TIFF, or of a TIFF in a maker note. Maker notes
 * have undocumented formats; the number is all that they have in common.
 *
 * @param partAt offset of the EXIF data in the file
 */
function containsOffsetOf(exif: Buffer, partAt: number, at: number): boolean {
  const offsets = new Set([at, ...tiffHeaders(exif).map((head) => at - partAt - head)].filter((offset) => offset > 0))
  for (let i = 0; i + 4 <= exif.length; i++) {
    if (offsets.has(exif.readUInt32LE(i)) || offsets.has(exif.readUInt32BE(i))) return true
  }
  return false
}

function tiffHeaders(exif: Buffer): number[] {
  const found = [...exif.toString('latin1').matchAll(/II\*\0|MM\0\*/g)]
  return found.slice(0, maxTiffHeaders).map(({ index }) => index)
}
