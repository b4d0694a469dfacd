import { type Content, isMediaType, type MediaType, mediaTypes } from '@airlock/domain'
import { fileTypeFromBuffer } from 'file-type'
import { identifyIsoMedia } from './iso-brands.ts'
import { identifyText } from './text.ts'

/** How many bytes of a file `identify` can make use of; file-type looks no further to name a type. */
export const headBytes = 4100

/** Types as file-type calls them which are one of ours: an animated PNG is a PNG. */
const sameAs: Readonly<Record<string, MediaType>> = { 'image/apng': 'image/png' }

/** Formats that are better known by another name than by their extension. */
const betterNames: Readonly<Record<string, string>> = {
  mov: 'QuickTime',
  tif: 'TIFF',
  jls: 'JPEG-LS',
  jxl: 'JPEG XL',
  mkv: 'Matroska',
  webm: 'WebM',
  elf: 'a program',
  exe: 'a program',
  macho: 'a program',
}

/**
 * Names a file by its first bytes. Cheap and without native code; it proves nothing about the rest of the file.
 *
 * @param head the first bytes: `headBytes` of them, or the whole file when that is shorter
 */
export async function identify(head: Uint8Array): Promise<Content> {
  if (head.byteLength === 0) return { mediaType: null, described: 'nothing' }
  const bytes = head.subarray(0, headBytes)
  return (
    identifyIsoMedia(bytes) ?? (await identifyByMagic(bytes)) ?? identifyText(bytes) ?? { mediaType: null, described: 'of no known format' }
  )
}

async function identifyByMagic(bytes: Uint8Array): Promise<Content | null> {
  const found = await fileTypeFromBuffer(bytes)
  // XML may be SVG or XHTML: its text tells more than its first line
  if (!found || found.mime === 'application/xml') return null
  const mediaType = sameAs[found.mime] ?? (isMediaType(found.mime) ? found.mime : null)
  return { mediaType, described: mediaType ? mediaTypes[mediaType].name : (betterNames[found.ext] ?? found.ext.toUpperCase()) }
}
