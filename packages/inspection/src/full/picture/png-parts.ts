import { Corrupt } from '../bad-bytes.ts'
import { maxUnpackedBytes, unpacked, unpackedIfWhole } from '../unpack.ts'
import type { Part } from './anatomy.ts'

/** How chunks with something else than pixels are read (PNG, third edition, section 11.3). */
const readers: Readonly<Record<string, (data: Buffer) => { kind: Part['kind']; bytes: Buffer }>> = {
  tEXt: (data) => ({ kind: 'text', bytes: plainText(data) }),
  zTXt: (data) => ({ kind: 'text', bytes: packedText(data) }),
  iTXt: (data) => internationalText(data),
  iCCP: (data) => ({ kind: 'profile', bytes: packedProfile(data) }),
  eXIf: (data) => ({ kind: 'exif', bytes: data }),
}

/**
 * A chunk as a part, unpacked.
 *
 * @throws Corrupt when it does not unpack, or to more than anything of its kind needs
 */
export function partOf(type: string, data: Buffer, at: number): Part {
  const read = readers[type] ?? ((bytes: Buffer) => ({ kind: 'other' as const, bytes }))
  return { where: `its chunk '${type}'`, at, ...read(data) }
}

function plainText(data: Buffer): Buffer {
  const text = data.subarray(keywordEnd('tEXt', data) + 1)
  return Buffer.concat([data.subarray(0, data.length - text.length), rawProfile(text)])
}

function packedText(data: Buffer): Buffer {
  const end = keywordEnd('zTXt', data)
  if (data[end + 1] !== 0) throw malformed('zTXt')
  return Buffer.concat([data.subarray(0, end + 1), rawProfile(unpacked(data.subarray(end + 2), "its chunk 'zTXt'", maxUnpackedBytes))])
}

/** Keyword, 0, packed or not, method, language, 0, translated keyword, 0, text in UTF-8. */
function internationalText(data: Buffer): { kind: Part['kind']; bytes: Buffer } {
  const end = keywordEnd('iTXt', data)
  const packed = data[end + 1] === 1
  const language = data.indexOf(0, end + 3)
  const translated = language < 0 ? -1 : data.indexOf(0, language + 1)
  if (translated < 0) throw malformed('iTXt')
  const text = data.subarray(translated + 1)
  const kind = data.toString('latin1', 0, end) === 'XML:com.adobe.xmp' ? 'xmp' : 'text'
  const bytes = packed ? unpacked(text, "its chunk 'iTXt'", maxUnpackedBytes) : text
  return { kind, bytes: kind === 'xmp' ? bytes : Buffer.concat([data.subarray(0, translated + 1), bytes]) }
}

function packedProfile(data: Buffer): Buffer {
  const end = keywordEnd('iCCP', data)
  if (data[end + 1] !== 0) throw malformed('iCCP')
  // Some editors write a profile of nothing; every program shows the picture without
  return unpackedIfWhole(data.subarray(end + 2), 'its colour profile', maxUnpackedBytes) ?? data
}

function keywordEnd(type: string, data: Buffer): number {
  const end = data.indexOf(0)
  if (end < 1 || end > 79) throw malformed(type)
  return end
}

/** ImageMagick keeps profiles as text: a line end, their name, their length, then hexadecimal digits. Their bytes are looked at too. */
function rawProfile(text: Buffer): Buffer {
  const found = /^\n[^\n]{1,79}\n\s*\d+\n(?<digits>[0-9a-f\n]+)$/.exec(text.toString('latin1'))
  if (!found?.groups?.digits) return text
  return Buffer.concat([text, Buffer.from(found.groups.digits.replaceAll('\n', ''), 'hex')])
}

const malformed = (type: string) => new Corrupt(`its chunk '${type}' is malformed`)
