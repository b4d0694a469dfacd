import type { Part } from './anatomy.ts'
import { canonDataStart } from './canon-data.ts'
import { samsungTrailer } from './samsung-trailer.ts'
import { vivoTrailerStart } from './vivo-trailer.ts'

/** Where a trailer begins that ends at `end`, or null when another one ends there. `from` is the first byte that it may have. */
type Finds = (bytes: Buffer, from: number, end: number) => number | null

interface Trailer {
  readonly at: number
  readonly parts: readonly Part[]
}

/** Trailers that say at their own end what they are and how long (the formats as ExifTool 12.57 documents them). */
const trailers: readonly { readonly name: string; readonly start: Finds }[] = [
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
 * Takes off what editors and cameras have put at a file's end, one after the other.
 *
 * @param from where the picture ends
 * @returns where the first of them begins, and what they hold as parts to be searched
 */
export function takeOffTrailers(bytes: Buffer, from: number): { end: number; parts: Part[] } {
  const parts: Part[] = []
  let end = bytes.length
  for (let found = last(bytes, from, end); found; found = last(bytes, from, end)) {
    parts.push(...found.parts)
    end = found.at
  }
  return { end, parts }
}

function last(bytes: Buffer, from: number, end: number): Trailer | null {
  for (const { name, start } of trailers) {
    const at = start(bytes, from, end)
    if (at !== null && at >= from && at < end) return { at, parts: [{ where: name, kind: 'other', bytes: bytes.subarray(at, end), at }] }
  }
  const samsungs = samsungTrailer(bytes.subarray(0, end))
  return samsungs && samsungs.at >= from && samsungs.at < end ? samsungs : null
}

const endsWith = (bytes: Buffer, end: number, mark: Buffer | string): boolean => {
  const wanted = typeof mark === 'string' ? Buffer.from(mark, 'latin1') : mark
  return end >= wanted.length && bytes.subarray(end - wanted.length, end).equals(wanted)
}

const fotoStationMark = Buffer.from('a1b2c3d4', 'hex')
const fotoStationFootBytes = 10

/** A record: its data, then a number, the length of both, and the mark. */
function fotoStation(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < fotoStationFootBytes || !endsWith(bytes, end, fotoStationMark)) return null
  const length = bytes.readUInt32BE(end - 8)
  return length >= fotoStationFootBytes ? end - length : null
}

const photoMechanicFootBytes = 12

/** Settings in the form of IPTC, zeros, then the length of both and the mark. */
function photoMechanic(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < photoMechanicFootBytes || !endsWith(bytes, end, 'cbipcbbl')) return null
  return end - photoMechanicFootBytes - bytes.readUInt32BE(end - photoMechanicFootBytes)
}

const afcpHeadBytes = 12
const afcpEntryBytes = 12

/** A head, a directory, values one after the other, and a foot with the head's mark and place: in its own file, which an editor may have made longer. */
function afcp(bytes: Buffer, from: number, end: number): number | null {
  const foot = end - afcpHeadBytes
  if (foot - from < afcpHeadBytes) return null
  const mark = bytes.toString('latin1', foot, foot + 4)
  if (mark !== 'AXS!' && mark !== 'AXS*') return null
  const head = bytes.lastIndexOf(mark, foot - afcpHeadBytes, 'latin1')
  if (head < from) return null
  const big = mark === 'AXS!'
  const u32 = (at: number) => (big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at))
  const count = big ? bytes.readUInt16BE(head + 6) : bytes.readUInt16LE(head + 6)
  const values = head + afcpHeadBytes + count * afcpEntryBytes
  if (values > foot) return null
  let size = 0
  for (let i = 0; i < count; i++) size += u32(head + afcpHeadBytes + i * afcpEntryBytes + 4)
  return values + size === foot ? head : null
}

const insta360Mark = '8db42d694ccc418790edff439fe026bf'
const insta360FootBytes = 78

/** Records, then a foot that says how long all of it is. */
function insta360(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < insta360FootBytes || !endsWith(bytes, end, insta360Mark)) return null
  const length = bytes.readUInt32LE(end - insta360FootBytes + 38)
  return length >= insta360FootBytes ? end - length : null
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the mark is made of them
const mieHead = /^~[\x10\x18]\x04[\s\S]0MIE/
// biome-ignore lint/suspicious/noControlCharactersInRegex: the mark is made of them
const mieFoot = /~\0\x04\0zmie~\0\0\x06[\s\S]{4}[\x10\x18]\x04$/
const mieFootBytes = 18

/** ExifTool's own container: a group whose end says how long it is, in the byte order of the mark after it. */
function mie(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < mieFootBytes || !mieFoot.test(bytes.toString('latin1', end - mieFootBytes, end))) return null
  const length = bytes[end - 2] === 0x10 ? bytes.readUInt32BE(end - 6) : bytes.readUInt32LE(end - 6)
  const start = end - length
  return start >= from && mieHead.test(bytes.toString('latin1', start, start + 8)) ? start : null
}

const nikonAppMark = '\0\0\0\0\0\0/NIKON APP'

/** Records that Nikon's program for phones writes, then the length of all of it and the mark. */
function nikonApp(bytes: Buffer, from: number, end: number): number | null {
  const foot = end - nikonAppMark.length - 4
  return foot >= from && endsWith(bytes, end, nikonAppMark) ? end - bytes.readUInt32BE(foot) : null
}

const qdioFootBytes = 10

/** A second directory of Samsung's blocks, behind the first. */
function qdio(bytes: Buffer, from: number, end: number): number | null {
  if (end - from < qdioFootBytes || !endsWith(bytes, end, 'QDIOBS')) return null
  const start = end - qdioFootBytes - bytes.readUInt32LE(end - qdioFootBytes)
  return start >= from && bytes.toString('latin1', start, start + 4) === 'QDIO' ? start : null
}
