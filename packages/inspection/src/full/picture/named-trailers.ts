import type { Part } from './picture-structure.ts'
import { samsungTrailer } from './samsung-trailer.ts'

/** Returns the start of a trailer of one type that ends at `end`, or null if none does. It must not begin before `from`. */
type FindStart = (bytes: Buffer, from: number, end: number) => number | null

interface Trailer {
  readonly at: number
  readonly parts: readonly Part[]
}

/** Trailers that declare their type and length at their end (as ExifTool 12.57 documents them). */
const trailers: readonly { readonly name: string; readonly start: FindStart }[] = [
  { name: "FotoStation's trailer", start: fotoStation },
  { name: "Photo Mechanic's trailer", start: photoMechanic },
  { name: 'AFCP data', start: afcp },
  { name: "Insta360's trailer", start: insta360 },
  { name: 'MIE data', start: mie },
  { name: "Nikon's editing", start: nikonApp },
  { name: "Canon's trailer", start: canonDataStart },
  { name: "Samsung's list of blocks", start: qdio },
  { name: "Vivo's settings", start: vivoTrailerStart },
]

/**
 * Finds the trailers that editors and cameras have appended to a file, from its end backwards.
 *
 * @param from where the picture ends
 * @returns the start of the first of them, and their contents as parts to be searched
 */
export function parseNamedTrailers(bytes: Buffer, from: number): { end: number; parts: Part[] } {
  const parts: Part[] = []
  let end = bytes.length
  for (let found = lastTrailer(bytes, from, end); found; found = lastTrailer(bytes, from, end)) {
    parts.push(...found.parts)
    end = found.at
  }
  return { end, parts }
}

function lastTrailer(bytes: Buffer, from: number, end: number): Trailer | null {
  for (const { name, start } of trailers) {
    const at = start(bytes, from, end)
    if (at !== null && at >= from && at < end) return { at, parts: [{ where: name, kind: 'other', bytes: bytes.subarray(at, end), at }] }
  }
  const samsung = samsungTrailer(bytes.subarray(0, end))
  return samsung && samsung.at >= from && samsung.at < end ? samsung : null
}

const endsWith = (bytes: Buffer, end: number, mark: Buffer | string): boolean => {
  const wanted = typeof mark === 'string' ? Buffer.from(mark, 'latin1') : mark
  return end >= wanted.length && bytes.subarray(end - wanted.length, end).equals(wanted)
}

const fotoStationMark = Buffer.from('a1b2c3d4', 'hex')
const fotoStationFooterBytes = 10

/** A record: data, a tag, the length of the record, and the end mark. */
function fotoStation(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < fotoStationFooterBytes || !endsWith(bytes, end, fotoStationMark)) return null
  const length = bytes.readUInt32BE(end - 8)
  return length >= fotoStationFooterBytes ? end - length : null
}

const photoMechanicFooterBytes = 12

/** IPTC data, zeros, the length of both, and the end mark. */
function photoMechanic(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < photoMechanicFooterBytes || !endsWith(bytes, end, 'cbipcbbl')) return null
  return end - photoMechanicFooterBytes - bytes.readUInt32BE(end - photoMechanicFooterBytes)
}

const afcpHeaderBytes = 12
const afcpEntryBytes = 12

/**
 * A header, a directory, consecutive values, and a footer with the header's mark and offset. The offset is ignored, because an editor may have
 * changed the length of the file.
 */
function afcp(bytes: Buffer, from: number, end: number): number | null {
  const foot = end - afcpHeaderBytes
  if (foot - from < afcpHeaderBytes) return null
  const mark = bytes.toString('latin1', foot, foot + 4)
  if (mark !== 'AXS!' && mark !== 'AXS*') return null
  const head = bytes.lastIndexOf(mark, foot - afcpHeaderBytes, 'latin1')
  if (head < from) return null
  const big = mark === 'AXS!'
  const u32 = (at: number) => (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))
  const count = big ? bytes.readUInt16BE(head + 6) : bytes.readUInt16LE(head + 6)
  const values = head + afcpHeaderBytes + count * afcpEntryBytes
  if (values > foot) return null
  let size = 0
  for (let i = 0; i < count; i++) size += u32(head + afcpHeaderBytes + i * afcpEntryBytes + 4)
  return values + size === foot ? head : null
}

const insta360Mark = '8db42d694ccc418790edff439fe026bf'
const insta360FooterBytes = 78

/** Records, then a footer with the total length. */
function insta360(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < insta360FooterBytes || !endsWith(bytes, end, insta360Mark)) return null
  const length = bytes.readUInt32LE(end - insta360FooterBytes + 38)
  return length >= insta360FooterBytes ? end - length : null
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the mark consists of them
const mieHeader = /^~[\x10\x18]\x04[\s\S]0MIE/
// biome-ignore lint/suspicious/noControlCharactersInRegex: the mark consists of them
const mieFooter = /~\0\x04\0zmie~\0\0\x06[\s\S]{4}[\x10\x18]\x04$/
const mieFooterBytes = 18

/** ExifTool's container: a group whose end contains its length and a mark for the byte order. */
function mie(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < mieFooterBytes || !mieFooter.test(bytes.toString('latin1', end - mieFooterBytes, end))) return null
  const length = bytes[end - 2] === 0x10 ? bytes.readUInt32BE(end - 6) : bytes.readUInt32LE(end - 6)
  const start = end - length
  return start >= from && mieHeader.test(bytes.toString('latin1', start, start + 8)) ? start : null
}

const nikonAppMark = '\0\0\0\0\0\0/NIKON APP'

/** Records of Nikon's program for phones, the total length, and the end mark. */
function nikonApp(bytes: Buffer, from: number, end: number): number | null {
  const foot = end - nikonAppMark.length - 4
  return foot >= from && endsWith(bytes, end, nikonAppMark) ? end - bytes.readUInt32BE(foot) : null
}

const qdioFooterBytes = 10

/** A second directory of Samsung's blocks, after the first. */
function qdio(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < qdioFooterBytes || !endsWith(bytes, end, 'QDIOBS')) return null
  const start = end - qdioFooterBytes - bytes.readUInt32LE(end - qdioFooterBytes)
  return start >= from && bytes.toString('latin1', start, start + 4) === 'QDIO' ? start : null
}

/** Canon's trailer begins and ends with this name; both its header and its footer contain the length in between (ExifTool's CanonVRD.pm). */
const canonName = 'CANON OPTIONAL DATA\0'
const canonHeaderBytes = 28
const canonFooterBytes = 64

function canonDataStart(bytes: Buffer, from: number, end: number): number | null {
  const foot = end - canonFooterBytes
  if (foot - from < canonHeaderBytes || bytes.toString('latin1', foot, foot + canonName.length) !== canonName) return null
  const head = bytes.lastIndexOf(canonName, foot - canonHeaderBytes, 'latin1')
  return head >= from && head + canonHeaderBytes + bytes.readUInt32BE(head + 24) === foot ? head : null
}

const vivoMark = Buffer.from('ffffffff1b2a39485766758493a2b1', 'hex')
const vivoOpening = 'vivo{"'
const maxVivoSettingsBytes = 64 * 1024
/** A count, the name of the camera program, numbers and the end mark. */
const maxVivoFooterBytes = 256

/** JSON settings after a start mark, then a footer that ends with an end mark (as ExifTool 13 documents it). */
function vivoTrailerStart(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < vivoMark.length || !bytes.subarray(end - vivoMark.length, end).equals(vivoMark)) return null
  const start = bytes.subarray(0, end).lastIndexOf(vivoOpening, undefined, 'latin1')
  if (start < from || end - start > maxVivoSettingsBytes) return null
  const settingsEnd = bytes.subarray(0, end).indexOf('}\0', start, 'latin1') + 1
  return settingsEnd > start && end - settingsEnd <= maxVivoFooterBytes && isJson(bytes.subarray(start + 4, settingsEnd)) ? start : null
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}
