import { ArchiveNotAllowed, Corrupt, quoted } from '../invalid-file.ts'

/** An extra field of an entry (APPNOTE 6.3.10, section 4.5). */
export interface ExtraField {
  readonly id: number
  readonly data: Buffer
}

/** Header ids of the fields that are read, from APPNOTE and Info-ZIP's extrafld.txt. */
const fieldIds = { zip64: 0x0001, unix: 0x000d, libarchive: 0x6c78, unicodePath: 0x7075, asiUnix: 0x756e } as const

const fieldHeaderBytes = 4

/**
 * Parses the extra fields of an entry. Up to three bytes may follow the last field: programs that align entries leave some.
 *
 * @throws Corrupt if a field exceeds the end
 */
export function extraFieldsIn(bytes: Buffer): ExtraField[] {
  const fields: ExtraField[] = []
  for (let at = 0; at + fieldHeaderBytes <= bytes.length; ) {
    const end = at + fieldHeaderBytes + bytes.readUInt16LE(at + 2)
    if (end > bytes.length) throw new Corrupt('its central directory is damaged')
    fields.push({ id: bytes.readUInt16LE(at), data: bytes.subarray(at + fieldHeaderBytes, end) })
    at = end
  }
  return fields
}

/**
 * Returns a function that yields the 64-bit values one after the other, in the order of the fields that refer to them (section 4.5.3), and
 * NaN after the last.
 *
 * @throws Corrupt if there are two such fields: readers differ in which one they use
 */
export function zip64ValuesIn(fields: readonly ExtraField[]): () => number {
  const [only, second] = fields.filter(({ id }) => id === fieldIds.zip64)
  if (second) throw new Corrupt('its central directory is damaged')
  const data = only?.data ?? Buffer.alloc(0)
  let at = 0
  return () => {
    at += 8
    return at <= data.length ? Number(data.readBigUInt64LE(at - 8)) : Number.NaN
  }
}

/**
 * Info-ZIP's Unicode path, a second name that some readers prefer, or null. It contains a checksum of the first name, which is not verified:
 * some programs write a wrong one, and a name that follows the rules is harmless.
 *
 * @throws ArchiveNotAllowed
 */
export function unicodePathIn(fields: readonly ExtraField[]): string | null {
  const [only, second] = fields.filter(({ id }) => id === fieldIds.unicodePath)
  if (!only) return null
  const { data } = only
  if (second || data.length < 5 || data[0] !== 1) throw new ArchiveNotAllowed('the Unicode path of an entry is ambiguous')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data.subarray(5))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new ArchiveNotAllowed('an entry name is not valid UTF-8')
  }
}

const kindMask = 0xf000
const symlink = 0xa000

/**
 * Extra fields can make an entry a link too: PKWARE's and ASi's Unix fields contain its target, libarchive's repeats the mode.
 *
 * @throws ArchiveNotAllowed
 */
export function assertNoLinkIn(fields: readonly ExtraField[], name: string): void {
  if (fields.some(isLink)) throw new ArchiveNotAllowed(`the entry ${quoted(name)} is a link according to one of its extra fields`)
}

function isLink({ id, data }: ExtraField): boolean {
  switch (id) {
    case fieldIds.unix:
      return data.length > 12
    case fieldIds.asiUnix:
      return data.length >= 10 && ((data.readUInt16LE(4) & kindMask) === symlink || data.readUInt32LE(6) > 0)
    case fieldIds.libarchive:
      return libarchiveSpecialKind(data) !== null
    default:
      return false
  }
}

/**
 * The file type in libarchive's field, which begins with a bitmap of what follows: version needed, internal and external attributes.
 *
 * @returns null for plain files and folders
 */
function libarchiveSpecialKind(data: Buffer): number | null {
  const [bitmap = 0] = data
  const at = 1 + ((bitmap & 1) !== 0 ? 2 : 0) + ((bitmap & 2) !== 0 ? 2 : 0)
  if ((bitmap & 4) === 0 || at + 4 > data.length) return null
  const kind = (data.readUInt32LE(at) >>> 16) & kindMask
  return [0, 0x4000, 0x8000].includes(kind) ? null : kind
}
