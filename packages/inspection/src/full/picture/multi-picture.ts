import type { Part } from './anatomy.ts'
import { Tiff } from './exif.ts'

/** Tag of the list of pictures (CIPA DC-007, section 5.2.3), and the bytes of an entry of it. */
const listTag = 0xb002
const entryBytes = 16

/** XMP is searched so far; what names a picture stands in its first packet. */
const searchedBytes = 1024 * 1024

/** Tags of XMP, attributes and all, one by one. */
const tag = /<[^<>]*>/g
const isPicture = /Item:Mime\s{0,20}=\s{0,20}["']image\/jpeg["']/
const isFurther = /Item:Semantic\s{0,20}=\s{0,20}["'](?!Primary)/

/** Whether a directory in XMP names a further picture, as Ultra HDR and depth photos have it: type and purpose on one item. */
function namesFurtherPicture(xmp: string): boolean {
  if (xmp.includes('GDepth:Data')) return true
  for (const [item] of xmp.matchAll(tag)) if (isPicture.test(item) && isFurther.test(item)) return true
  return false
}

/**
 * Whether a picture says that another one stands at this place: by an MPF list that names the place, by a directory in XMP, or by a number
 * in EXIF, where a maker's own note names its preview.
 */
export function announcesPictureAt(parts: readonly Part[], at: number): boolean {
  return parts.some(({ kind, bytes, at: partAt }) => {
    if (kind === 'exif') return namesPreview(bytes.subarray(0, maxExifBytes), partAt, at)
    if (kind === 'pictures') return offsetsOf(bytes).some((offset) => partAt + offset === at)
    return kind === 'xmp' && namesFurtherPicture(bytes.toString('latin1', 0, searchedBytes))
  })
}

/** Where the listed pictures begin, in bytes from the list's own start; 0 stands for the picture itself. */
function offsetsOf(list: Buffer): number[] {
  const tiff = new Tiff(list)
  if (!tiff.isTiff) return []
  const found = tiff.entries(tiff.firstDirectory).find(({ tag }) => tag === listTag)
  if (!found) return []
  return Array.from({ length: Math.min(64, Math.floor(found.count / entryBytes)) }, (_, i) =>
    tiff.u32(found.value + i * entryBytes + 8),
  ).filter((offset) => offset > 0)
}

/** A JPEG has no more of it in one segment. */
const maxExifBytes = 64 * 1024
const maxTiffHeads = 8

/**
 * Whether EXIF holds the place of a preview as a number of four bytes: from the file's start, the TIFF's, or that of a TIFF in a maker's note.
 * Makers have directories of their own, which nobody documents; the number is all that they have in common.
 *
 * @param partAt where the EXIF data stand in the file
 */
function namesPreview(exif: Buffer, partAt: number, at: number): boolean {
  const places = new Set([at, ...tiffHeads(exif).map((head) => at - partAt - head)].filter((place) => place > 0))
  for (let i = 0; i + 4 <= exif.length; i++) {
    if (places.has(exif.readUInt32LE(i)) || places.has(exif.readUInt32BE(i))) return true
  }
  return false
}

function tiffHeads(exif: Buffer): number[] {
  const found = [...exif.toString('latin1').matchAll(/II\*\0|MM\0\*/g)]
  return found.slice(0, maxTiffHeads).map(({ index }) => index)
}
