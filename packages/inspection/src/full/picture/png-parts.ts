import { Corrupt } from '../invalid-file.ts'
import { maxDeflateRatio, maxUnpackedBytes, type UnpackingBudget, unpacked, unpackedOrNull } from '../unpack.ts'
import type { Part } from './picture-structure.ts'

/** The contents of a chunk. `bytes` unpacks compressed ones on each call. */
interface Contents {
  readonly kind: Part['kind']
  readonly bytes: () => Buffer
}

/** Readers of chunks that do not contain pixels (PNG, third edition, section 11.3). */
const readers: Readonly<Record<string, (data: Buffer, budget: UnpackingBudget) => Contents>> = {
  tEXt: plainText,
  zTXt: packedText,
  iTXt: internationalText,
  iCCP: packedProfile,
  eXIf: (data) => ({ kind: 'exif', bytes: () => data }),
}

/**
 * A chunk as a part. Compressed contents are unpacked on access and not cached, so that a file of many such chunks needs the memory of one.
 *
 * @param place offset of the chunk's data in the file, and the budget of the file's compressed chunks
 * @throws Corrupt if it is malformed; accessing its bytes throws if they can't be unpacked, or exceed the budget
 */
export function partOf(type: string, data: Buffer, { at, budget }: { at: number; budget: UnpackingBudget }): Part {
  const { kind, bytes } = readers[type]?.(data, budget) ?? { kind: 'other', bytes: () => data }
  return {
    where: `its chunk '${type}'`,
    at,
    kind,
    get bytes() {
      return bytes()
    },
  }
}

function plainText(data: Buffer): Contents {
  const text = data.subarray(keywordEnd('tEXt', data) + 1)
  return { kind: 'text', bytes: () => Buffer.concat([data.subarray(0, data.length - text.length), rawProfile(text)]) }
}

function packedText(data: Buffer, budget: UnpackingBudget): Contents {
  const end = keywordEnd('zTXt', data)
  if (data[end + 1] !== 0) throw malformed('zTXt')
  const text = data.subarray(end + 2)
  const unpack = () => rawProfile(unpackedText(text, "its chunk 'zTXt'", budget))
  return { kind: 'text', bytes: () => Buffer.concat([data.subarray(0, end + 1), unpack()]) }
}

/** Keyword, 0, compression flag, method, language, 0, translated keyword, 0, text in UTF-8. */
function internationalText(data: Buffer, budget: UnpackingBudget): Contents {
  const end = keywordEnd('iTXt', data)
  const packed = data[end + 1] === 1
  const language = data.indexOf(0, end + 3)
  const translated = language < 0 ? -1 : data.indexOf(0, language + 1)
  if (translated < 0) throw malformed('iTXt')
  const text = data.subarray(translated + 1)
  const unpack = () => (packed ? unpackedText(text, "its chunk 'iTXt'", budget) : text)
  if (data.toString('latin1', 0, end) === 'XML:com.adobe.xmp') return { kind: 'xmp', bytes: unpack }
  return { kind: 'text', bytes: () => Buffer.concat([data.subarray(0, translated + 1), unpack()]) }
}

function packedProfile(data: Buffer, budget: UnpackingBudget): Contents {
  const end = keywordEnd('iCCP', data)
  if (data[end + 1] !== 0) throw malformed('iCCP')
  const profile = data.subarray(end + 2)
  const unpack = () => {
    const bytes = unpackedOrNull(profile, 'its colour profile', maxUnpackedBytes)
    // it is unknown how much of an incomplete one was unpacked
    budget.charge(profile, bytes?.length ?? Math.min(maxUnpackedBytes, profile.length * maxDeflateRatio))
    // some editors write an empty profile; every program ignores it
    return bytes ?? data
  }
  return { kind: 'profile', bytes: unpack }
}

function unpackedText(packed: Buffer, where: string, budget: UnpackingBudget): Buffer {
  const bytes = unpacked(packed, where, maxUnpackedBytes)
  budget.charge(packed, bytes.length)
  return bytes
}

function keywordEnd(type: string, data: Buffer): number {
  const end = data.indexOf(0)
  if (end < 1 || end > 79) throw malformed(type)
  return end
}

const maxProfileHeadBytes = 128

/** ImageMagick stores profiles as text: a line end, the name, the length, then hexadecimal digits. The decoded bytes are appended and searched too. */
function rawProfile(text: Buffer): Buffer {
  const head = /^\n[^\n]{1,79}\n\s{0,20}\d{1,20}\n/.exec(text.toString('latin1', 0, maxProfileHeadBytes))
  if (!head) return text
  const digits = text.toString('latin1', head[0].length)
  if (digits === '' || /[^0-9a-f\n]/.test(digits)) return text
  return Buffer.concat([text, Buffer.from(digits.replaceAll('\n', ''), 'hex')])
}

const malformed = (type: string) => new Corrupt(`its chunk '${type}' is malformed`)
