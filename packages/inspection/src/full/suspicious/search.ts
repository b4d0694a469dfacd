import { Suspicious } from '../invalid-file.ts'
import type { Part } from '../picture/picture-structure.ts'
import { exifTexts } from './exif-texts.ts'
import { withoutTables } from './profile-texts.ts'
import { type ByteSignature, byteSignatures, pdfHeader, pdfObject, type Signature, textSignatures, xmpSignatures } from './signatures.ts'
import { isText, printableRuns, utf16Runs, withReferencesResolved } from './text-decoding.ts'

/** Acrobat and others open a file as a PDF if its header is within this many bytes. */
const pdfHeaderBytes = 1024
/** If a file begins with a comment within this many bytes, a JavaScript engine skips everything up to the end of the comment. */
const commentWithinBytes = 16

/**
 * Searches a picture for content that another program could execute, or read as a separate file: in its parts as text, and in all its bytes.
 *
 * @throws Suspicious with what was found, and where
 */
export function searchSuspicious(bytes: Buffer, parts: readonly Part[]): void {
  for (const part of withJoinedProfile(parts)) {
    searchPart(part)
    searchBytes(part.bytes, part.where)
  }
  searchBytes(bytes, 'its bytes')
  if (bytes.subarray(0, pdfHeaderBytes).includes('%PDF-') && containsPdf(bytes)) throw new Suspicious('a PDF', 'its first bytes')
  searchScriptAfterComment(bytes, parts)
}

/**
 * Searches bytes for code that are not part of a picture, for example a box of an MP4.
 *
 * @throws Suspicious
 */
export function searchText(bytes: Buffer, where: string): void {
  const isXmp = isXmpBox(bytes) || containsXmp(bytes.toString('latin1'))
  searchPart({ where, kind: isXmp ? 'xmp' : 'other', bytes, at: 0 })
}

/** @throws Suspicious */
export function searchBytes(bytes: Buffer, where: string): void {
  const text = bytes.toString('latin1')
  for (const signature of byteSignatures) if (matchesBytes(signature, text, bytes)) throw new Suspicious(signature.found, where)
}

/** A JPEG contains its profile in pieces of 64 KiB, and its tables may span two. */
function withJoinedProfile(parts: readonly Part[]): Part[] {
  const pieces = parts.filter(({ kind }) => kind === 'profile')
  const [first] = pieces
  if (!first) return [...parts]
  const whole = pieces.length === 1 ? first : { ...first, bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)) }
  return [...parts.filter(({ kind }) => kind !== 'profile'), whole]
}

/** Searches a part in all encodings in which a program could read it. Tables of numbers are not searched. */
function searchPart({ bytes, where, kind }: Part): void {
  if (kind === 'profile') searchBinary(withoutTables(bytes), where)
  else if ((kind === 'text' || kind === 'xmp') && isText(bytes))
    searchDecodings(bytes.toString('latin1'), where, kind === 'xmp' || undefined)
  else searchBinary(bytes, where, kind === 'xmp')
  if (kind === 'exif') {
    for (const text of exifTexts(bytes)) {
      if (isText(text)) searchDecodings(text.toString('latin1'), where)
      else searchUtf16(text, where)
    }
  }
}

function searchDecodings(text: string, where: string, isXmp = containsXmp(text)): void {
  for (const decoded of withReferencesResolved(text)) {
    for (const signature of textSignatures) if (matches(signature, decoded)) throw new Suspicious(signature.found, where)
  }
  if (!isXmp) return
  for (const signature of xmpSignatures) if (matches(signature, text)) throw new Suspicious(signature.found, where)
}

/** Any three bytes occur by chance in bytes that are not text, so short patterns count only in long printable runs. */
function searchBinary(bytes: Buffer, where: string, isXmp = false): void {
  const text = bytes.toString('latin1')
  for (const signature of textSignatures)
    if (!signature.inTextsOnly && matches(signature, text)) throw new Suspicious(signature.found, where)
  const runs = printableRuns(text)
  if (runs !== '') searchDecodings(runs, where, isXmp)
  searchUtf16(bytes, where, isXmp)
}

function searchUtf16(bytes: Buffer, where: string, isXmp = false): void {
  const runs = utf16Runs(bytes.toString('latin1'))
  if (runs !== null) searchDecodings(runs, where, isXmp)
}

const containsXmp = (text: string): boolean => /<(?:x:xmpmeta|rdf:RDF|\?xpacket)[\s>]/.test(text)

const xmpBox = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex')

/** Whether a box of an MP4 begins with Adobe's UUID of XMP. QuickTime stores XMP in `XMP_` without it. */
const isXmpBox = (bytes: Buffer): boolean => bytes.subarray(0, xmpBox.length).equals(xmpBox)

function matches(signature: Signature, text: string): boolean {
  const first = signature.pattern.exec(text)
  return first !== null && isConfirmed(signature, text, first)
}

function isConfirmed({ followedBy, confirmsText }: Signature, text: string, { index, 0: found }: RegExpExecArray): boolean {
  if (followedBy && !followedBy.test(text.slice(index + found.length))) return false
  return confirmsText === undefined || confirmsText(text)
}

function matchesBytes(signature: ByteSignature, text: string, bytes: Buffer): boolean {
  for (const match of matchesIn(text, signature)) {
    if (!signature.confirms) return isConfirmed(signature, text, match)
    if (signature.confirms(bytes, match.index)) return true
  }
  return false
}

/** The patterns of `byteSignatures`, which match only where they are tried. */
const patternsAt = new Map(byteSignatures.map(({ pattern }) => [pattern, new RegExp(pattern, `${pattern.flags}y`)]))

function* matchesIn(text: string, { begins, pattern }: ByteSignature): Generator<RegExpExecArray> {
  const here = patternsAt.get(pattern) ?? pattern
  for (const beginning of begins) {
    for (let at = text.indexOf(beginning); at >= 0; at = text.indexOf(beginning, at + 1)) {
      here.lastIndex = at
      const match = here.exec(text)
      if (match) yield match
    }
  }
}

function containsPdf(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  return pdfHeader.test(text) && pdfObject.test(text)
}

/** The first length of a JPEG, or the size of a WebP, that a JavaScript engine reads as the beginning of a comment after a name. */
const commentStart = /^(?:\xff\xd8\xff{1,8}[^\xff]|RIFF[\w$]{0,2})\/\*/

/** The end of the comment, and an operator with which a program may continue; in bytes that are not text, also printable code. */
const programAfterComment = { inText: /\*\/\s{0,100}[=:;,)(+?.\w$`-]/, inBytes: /\*\/\s{0,100}[=:;,)(+?.\w$`-][\t\n\r -~]{11}/ }

/** Searches for a file whose size or length begins a comment, and one of whose parts ends it and continues as a program. */
function searchScriptAfterComment(bytes: Buffer, parts: readonly Part[]): void {
  if (!commentStart.test(bytes.toString('latin1', 0, commentWithinBytes))) return
  for (const { bytes: contents, where, kind } of parts) {
    const pattern = (kind === 'text' || kind === 'xmp') && isText(contents) ? programAfterComment.inText : programAfterComment.inBytes
    if (pattern.test(contents.toString('latin1'))) throw new Suspicious('a JavaScript program after a comment', where)
  }
}
