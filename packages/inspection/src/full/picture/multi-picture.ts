import type { Part } from './anatomy.ts'
import { Tiff } from './exif.ts'

/** Tag of the list of pictures (CIPA DC-007, section 5.2.3), and the bytes of an entry of it. */
const listTag = 0xb002
const entryBytes = 16

/** A directory of pictures in XMP, as Ultra HDR and depth photos have it. */
const namesFurtherPicture =
  /Item:Mime\s*=\s*["']image\/jpeg["'][^>]*Item:Semantic\s*=\s*["'](?!Primary)|Item:Semantic\s*=\s*["'](?!Primary)[^>]*Item:Mime\s*=\s*["']image\/jpeg["']|GDepth:Data/

/** Whether a picture says that another one stands at this place: by an MPF list that names the place, or by a directory in XMP. */
export function announcesPictureAt(parts: readonly Part[], at: number): boolean {
  return parts.some(({ kind, bytes, at: partAt }) => {
    if (kind === 'pictures') return offsetsOf(bytes).some((offset) => partAt + offset === at)
    return kind === 'xmp' && namesFurtherPicture.test(bytes.toString('latin1'))
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
