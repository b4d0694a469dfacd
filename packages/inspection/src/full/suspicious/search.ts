import { Suspicious } from '../bad-bytes.ts'
import type { Part } from '../picture/anatomy.ts'
import { exifTexts } from './exif-texts.ts'
import { withoutTables } from './profile-texts.ts'
import { isText, onlyRuns, utf16Runs, withReferencesResolved } from './readings.ts'
import { byteSigns, pdfHead, pdfObject, type Sign, textSigns, xmpSigns } from './signs.ts'

/** Acrobat and others take a file for a PDF whose head stands within so many bytes. */
const pdfHeadBytes = 1024
/** A file that begins so is a comment to a JavaScript engine, until the comment ends. */
const commentWithinBytes = 16

/**
 * Looks for what another program could run or read as its own: in every part's text, and in all bytes.
 *
 * @param bytes the whole file, or a piece of it
 * @throws Suspicious with what was found, and where
 */
export function searchSuspicious(bytes: Buffer, parts: readonly Part[]): void {
  for (const part of withProfileWhole(parts)) {
    searchPart(part)
    searchBytes(part.bytes, part.where)
  }
  searchBytes(bytes, 'its bytes')
  if (bytes.subarray(0, pdfHeadBytes).includes('%PDF-') && holdsPdf(bytes)) throw new Suspicious('a PDF', 'its first bytes')
  searchScriptBehindComment(bytes, parts)
}

/**
 * Looks for code in bytes that are not part of a picture, for example in a box of an MP4.
 *
 * @throws Suspicious
 */
export function searchText(bytes: Buffer, where: string): void {
  const isXmp = isXmpBox(bytes) || looksLikeXmp(bytes.toString('latin1'))
  searchPart({ where, kind: isXmp ? 'xmp' : 'other', bytes, at: 0 })
}

/** @throws Suspicious */
export function searchBytes(bytes: Buffer, where: string): void {
  const text = bytes.toString('latin1')
  for (const sign of byteSigns) if (finds(sign, text, bytes)) throw new Suspicious(sign.found, where)
}

/** A JPEG has its profile in pieces of 64 KiB, and tables that go over their borders. */
function withProfileWhole(parts: readonly Part[]): Part[] {
  const pieces = parts.filter(({ kind }) => kind === 'profile')
  const [first] = pieces
  if (!first) return [...parts]
  const whole = pieces.length === 1 ? first : { ...first, bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)) }
  return [...parts.filter(({ kind }) => kind !== 'profile'), whole]
}

/** Searches a part in all ways in which a program could read it. What is a text is read as one, tables of numbers not at all. */
function searchPart({ bytes, where, kind }: Part): void {
  if (kind === 'profile') searchBinary(withoutTables(bytes), where)
  else if ((kind === 'text' || kind === 'xmp') && isText(bytes))
    searchReadings(bytes.toString('latin1'), bytes, where, kind === 'xmp' || undefined)
  else searchBinary(bytes, where, kind === 'xmp')
  if (kind === 'exif') {
    for (const text of exifTexts(bytes)) {
      if (isText(text)) searchReadings(text.toString('latin1'), text, where)
      else searchWide(text, where)
    }
  }
}

function searchReadings(text: string, bytes: Buffer, where: string, isXmp = looksLikeXmp(text)): void {
  for (const reading of withReferencesResolved(text)) {
    for (const sign of textSigns) if (finds(sign, reading, bytes)) throw new Suspicious(sign.found, where)
  }
  if (!isXmp) return
  for (const sign of xmpSigns) if (finds(sign, text, bytes)) throw new Suspicious(sign.found, where)
}

/** Bytes that are not a text hold any three of them by chance: short signs count in long printable runs only. */
function searchBinary(bytes: Buffer, where: string, isXmp = false): void {
  const text = bytes.toString('latin1')
  for (const sign of textSigns) if (!sign.inTextsOnly && finds(sign, text, bytes)) throw new Suspicious(sign.found, where)
  const runs = onlyRuns(text)
  if (runs !== '') searchReadings(runs, bytes, where, isXmp)
  searchWide(bytes, where, isXmp)
}

function searchWide(bytes: Buffer, where: string, isXmp = false): void {
  const runs = utf16Runs(bytes.toString('latin1'))
  if (runs !== null) searchReadings(runs, bytes, where, isXmp)
}

const looksLikeXmp = (text: string): boolean => /<(?:x:xmpmeta|rdf:RDF|\?xpacket)[\s>]/.test(text)

const xmpBox = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex')

/** Whether a box of an MP4 begins with the id that Adobe gave to XMP. QuickTime's players find it in `XMP_` as well, which has none. */
const isXmpBox = (bytes: Buffer): boolean => bytes.subarray(0, xmpBox.length).equals(xmpBox)

function finds({ pattern, followedBy, confirms, confirmsText }: Sign, text: string, bytes: Buffer): boolean {
  const first = pattern.exec(text)
  if (!first) return false
  if (followedBy && !followedBy.test(text.slice(first.index + first[0].length))) return false
  if (confirmsText) return confirmsText(text)
  if (!confirms) return true
  for (const { index } of text.matchAll(new RegExp(pattern, 'g'))) if (confirms(bytes, index)) return true
  return false
}

function holdsPdf(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  return pdfHead.test(text) && pdfObject.test(text)
}

/** The first length of a JPEG, or the size of a WebP, that reads as a comment's beginning after what reads as a name. */
const opensComment = /^(?:\xff\xd8\xff{1,8}[^\xff]|RIFF[\w$]{0,2})\/\*/

/** The comment's end, and what may follow it for the file to go on as a program: an operator and, in bytes that are not a text, printable code. */
const programAfterComment = { inText: /\*\/\s{0,100}[=:;,)(+?.\w$`-]/, inBytes: /\*\/\s{0,100}[=:;,)(+?.\w$`-][\t\n\r -~]{11}/ }

/** A size or length that reads as a comment's beginning, and a part that ends the comment and goes on as a program. */
function searchScriptBehindComment(bytes: Buffer, parts: readonly Part[]): void {
  if (!opensComment.test(bytes.toString('latin1', 0, commentWithinBytes))) return
  for (const { bytes: contents, where, kind } of parts) {
    const pattern = (kind === 'text' || kind === 'xmp') && isText(contents) ? programAfterComment.inText : programAfterComment.inBytes
    if (pattern.test(contents.toString('latin1'))) throw new Suspicious('a JavaScript program behind a comment', where)
  }
}
