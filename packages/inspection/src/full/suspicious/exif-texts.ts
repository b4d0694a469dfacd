import { Tiff } from '../picture/exif.ts'

/** Directories that the first one points to: EXIF, GPS, interoperability. */
const directoryTags: readonly number[] = [0x8769, 0x8825, 0xa005]
const type = { byte: 1, ascii: 2, undefined: 7 } as const
/** Titles, comments and authors that Windows writes, as bytes of UTF-16. */
const isWindowsText = (tag: number): boolean => tag >= 0x9c9b && tag <= 0x9c9f
const userComment = 0x9286
const maxDirectories = 8

/**
 * The text values of EXIF data, as its readers find them.
 *
 * @returns at most as many bytes in total as the data have, wherever its entries point to
 */
export function exifTexts(exif: Buffer): Buffer[] {
  const from = exif.indexOf('Exif\0\0', 0, 'latin1') === 0 ? 6 : exif[0] === 0 ? 1 : 0
  const bytes = exif.subarray(from)
  const tiff = new Tiff(bytes)
  if (!tiff.isTiff) return []
  const texts: Buffer[] = []
  let left = bytes.length
  const waiting = [tiff.firstDirectory]
  for (let visited = 0; visited < maxDirectories; visited++) {
    const at = waiting.shift()
    if (at === undefined) break
    for (const entry of tiff.entries(at)) {
      if (directoryTags.includes(entry.tag)) waiting.push(entry.value)
      if (!isTextEntry(entry)) continue
      const start = entry.count <= 4 ? entry.at + 8 : entry.value
      const text = bytes.subarray(start, start + entry.count)
      if (text.length === 0 || text.length > left) continue
      left -= text.length
      texts.push(text)
    }
    const next = tiff.nextDirectory(at)
    if (next > 0) waiting.push(next)
  }
  return texts
}

const isTextEntry = ({ tag, type: of }: { tag: number; type: number }): boolean =>
  of === type.ascii || (of === type.byte && isWindowsText(tag)) || (of === type.undefined && tag === userComment)
