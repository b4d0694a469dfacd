import { ArchiveNotAllowed, Corrupt, quoted } from '../bad-bytes.ts'

/** One of the extra fields of an entry (APPNOTE 6.3.10, section 4.5). */
export interface ExtraField {
  readonly id: number
  readonly data: Buffer
}

/** Fields that are read, by the number that APPNOTE or Info-ZIP's extrafld.txt gives them. */
export const fieldIds = { wideSizes: 0x0001, unix: 0x000d, stream: 0x6c78, unicodePath: 0x7075, asiUnix: 0x756e } as const

const fieldHeaderBytes = 4

/**
 * Takes the extra fields of an entry apart. Up to three bytes at the end are no field; writers that align their entries leave some.
 *
 * @throws Corrupt when one reaches beyond the end
 */
export function extraFieldsIn(bytes: Buffer): ExtraField[] {
  const fields: ExtraField[] = []
  for (let at = 0; at + fieldHeaderBytes <= bytes.length; ) {
    const end = at + fieldHeaderBytes + bytes.readUInt16LE(at + 2)
    if (end > bytes.length) throw new Corrupt('its directory is damaged')
    fields.push({ id: bytes.readUInt16LE(at), data: bytes.subarray(at + fieldHeaderBytes, end) })
    at = end
  }
  return fields
}

/**
 * Values of 64 bits, in the order in which the fields that need them ask for them (section 4.5.3). NaN where there is none.
 *
 * @throws Corrupt when there are two such fields: readers differ in which of them they take
 */
export function wideValuesIn(fields: readonly ExtraField[]): () => number {
  const [only, second] = fields.filter(({ id }) => id === fieldIds.wideSizes)
  if (second) throw new Corrupt('its directory is damaged')
  const data = only?.data ?? Buffer.alloc(0)
  let at = 0
  return () => {
    at += 8
    return at <= data.length ? Number(data.readBigUInt64LE(at - 8)) : Number.NaN
  }
}

/**
 * Another name for the entry, which some readers prefer to its own (Info-ZIP's Unicode path), or null. It has the checksum of the name that it was
 * made for, which is not asked for here: writers exist that get it wrong, and a name that keeps the rules does no harm.
 *
 * @throws ArchiveNotAllowed
 */
export function unicodePathIn(fields: readonly ExtraField[]): string | null {
  const [only, second] = fields.filter(({ id }) => id === fieldIds.unicodePath)
  if (!only) return null
  const { data } = only
  if (second || data.length < 5 || data[0] !== 1) throw new ArchiveNotAllowed('a second name in it can be read in two ways')
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data.subarray(5))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new ArchiveNotAllowed('a name in it is not valid UTF-8')
  }
}

const kindMask = 0xf000
const symlink = 0xa000

/**
 * Extra fields can make an entry a link, too: PKWARE's and ASi's fields for Unix name where it leads to, libarchive's repeats the mode.
 *
 * @throws ArchiveNotAllowed
 */
export function assertNoLinkIn(fields: readonly ExtraField[], name: string): void {
  if (fields.some(isLink)) throw new ArchiveNotAllowed(`the entry ${quoted(name)} is a link by one of its extra fields`)
}

function isLink({ id, data }: ExtraField): boolean {
  switch (id) {
    case fieldIds.unix:
      return data.length > 12
    case fieldIds.asiUnix:
      return data.length >= 10 && ((data.readUInt16LE(4) & kindMask) === symlink || data.readUInt32LE(6) > 0)
    case fieldIds.stream:
      return streamedKind(data) !== null
    default:
      return false
  }
}

/** libarchive's field holds a bitmap of what follows: version needed, internal and external attributes. Only a plain file or folder is null. */
function streamedKind(data: Buffer): number | null {
  const [bitmap = 0] = data
  const at = 1 + ((bitmap & 1) !== 0 ? 2 : 0) + ((bitmap & 2) !== 0 ? 2 : 0)
  if ((bitmap & 4) === 0 || at + 4 > data.length) return null
  const kind = (data.readUInt32LE(at) >>> 16) & kindMask
  return [0, 0x4000, 0x8000].includes(kind) ? null : kind
}
