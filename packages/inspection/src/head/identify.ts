import { type Content, isMediaType, type MediaType, mediaTypes } from '@airlock/domain'
import { fileTypeFromBuffer } from 'file-type'
import { identifyIsoMedia } from './iso-brands.ts'

/** The number of bytes that `identify` needs; file-type reads no further. */
export const headBytes = 4100

/** file-type's names for formats that Airlock lists under another name: an animated PNG is a PNG. */
const sameAs: Readonly<Record<string, MediaType>> = { 'image/apng': 'image/png' }

/** Names of formats that are clearer than their extensions. */
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
 * Detects a file's format by its first bytes. Cheap and without native code; it proves nothing about the rest of the file.
 *
 * @param head the first bytes: `headBytes` of them, or the whole file when that is shorter
 */
export async function identify(head: Uint8Array): Promise<Content> {
  if (head.byteLength === 0) return { mediaType: null, described: 'nothing' }
  const bytes = head.subarray(0, headBytes)
  return (
    identifyIsoMedia(bytes) ??
    (await identifyByMagic(bytes)) ??
    identifyText(bytes) ?? { mediaType: null, described: 'of an unknown format' }
  )
}

async function identifyByMagic(bytes: Uint8Array): Promise<Content | null> {
  const found = await fileTypeFromBuffer(bytes)
  // XML may be SVG or XHTML: `identifyText` reads more than its first line
  if (!found || found.mime === 'application/xml') return null
  const mediaType = sameAs[found.mime] ?? (isMediaType(found.mime) ? found.mime : null)
  return { mediaType, described: mediaType ? mediaTypes[mediaType].name : (betterNames[found.ext] ?? found.ext.toUpperCase()) }
}

/** Patterns that identify kinds of text; the first match counts. */
const textKinds: readonly (readonly [described: string, pattern: RegExp])[] = [
  ['SVG', /<svg[\s>]/i],
  ['HTML', /<(?:!doctype html|html|head|body|script)[\s>]/i],
  ['XML', /^\s*<\?xml\s/i],
  ['a script', /^#!/],
]

/** Control characters that do not occur in text: all but tab, line feed, form feed and carriage return. */
const binary = /[^\P{Cc}\t\n\f\r]/u

/** The kind of text, or null if the bytes are not UTF-8 text. A character that is cut off by the end of the head is ignored. */
function identifyText(head: Uint8Array): Content | null {
  const text = decoded(head)
  if (text === null || binary.test(text)) return null
  return { mediaType: null, described: textKinds.find(([, pattern]) => pattern.test(text))?.[0] ?? 'plain text' }
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
