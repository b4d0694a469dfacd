import { Suspicious } from '../bad-bytes.ts'
import type { Part } from '../picture/anatomy.ts'
import { byteSigns, type Sign, textSigns } from './signs.ts'

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
  for (const part of parts) {
    searchPart(part)
    searchBytes(part.bytes, part.where)
  }
  searchBytes(bytes, 'its bytes')
  if (bytes.subarray(0, pdfHeadBytes).includes('%PDF-')) throw new Suspicious('the head of a PDF', 'its first bytes')
  searchScriptBehindComment(bytes, parts)
}

/**
 * Looks for code in bytes that are not part of a picture, for example in a box of an MP4.
 *
 * @throws Suspicious
 */
export function searchText(bytes: Buffer, where: string): void {
  searchPart({ where, kind: 'other', bytes, at: 0 })
}

/** @throws Suspicious */
export function searchBytes(bytes: Buffer, where: string): void {
  const text = bytes.toString('latin1')
  for (const sign of byteSigns) if (finds(sign, text, bytes)) throw new Suspicious(sign.found, where)
}

function searchPart({ bytes, where, kind }: Part): void {
  for (const text of readings(bytes, kind)) {
    for (const sign of textSigns) if (finds(sign, text, bytes)) throw new Suspicious(sign.found, where)
  }
}

/**
 * The ways in which a program could read a part: as it is, as UTF-16, and XML with its entities resolved. Of parts that are binary, only
 * runs of letters count: a maker's own data is long, and has any three bytes in it by chance.
 */
function* readings(bytes: Buffer, kind: Part['kind']): Generator<string> {
  const text = bytes.toString('latin1')
  const readable = kind === 'text' || kind === 'xmp' ? (run: string) => run : onlyRuns
  yield readable(text)
  if (text.includes('\0')) yield readable(text.replaceAll('\0', ''))
  if (kind === 'xmp' && text.includes('&')) yield resolved(text)
}

const onlyRuns = (text: string): string => (text.match(/[\t\n\r -~]{12,}/g) ?? []).join('\0')

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

const resolved = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|quot|apos|amp));/gi, (whole, hex, decimal, name) => {
    if (name) return entities[String(name).toLowerCase()] ?? whole
    const code = Number.parseInt(hex ?? decimal, hex ? 16 : 10)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })

function finds({ pattern, confirms }: Sign, text: string, bytes: Buffer): boolean {
  if (!confirms) return pattern.test(text)
  for (const { index } of text.matchAll(new RegExp(pattern, 'g'))) if (confirms(bytes, index)) return true
  return false
}

/** A size or length that reads as a comment's beginning, and a part that ends the comment and goes on as a program. */
function searchScriptBehindComment(bytes: Buffer, parts: readonly Part[]): void {
  if (!bytes.subarray(0, commentWithinBytes).includes('/*')) return
  for (const { bytes: contents, where } of parts) {
    if (/\*\/\s*[=;,)(+\w$]/.test(contents.toString('latin1'))) throw new Suspicious('a JavaScript program behind a comment', where)
  }
}
