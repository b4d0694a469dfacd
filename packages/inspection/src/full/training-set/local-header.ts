import { ArchiveNotAllowed, Corrupt, quoted } from '../bad-bytes.ts'
import { type Archive, type ArchiveEntry, flagBits, searchAside, wideNumber } from './directory.ts'
import { normalizedName } from './entry-names.ts'
import { assertNoLinkIn, type ExtraField, extraFieldsIn, unicodePathIn, wideValuesIn } from './extra-fields.ts'
import { HeadersDisagree } from './headers-disagree.ts'

const headerSignature = 0x0403_4b50
export const localHeaderBytes = 30

/**
 * Reads the header that stands before an entry's data (APPNOTE 6.3.10, section 4.3.7). Programs differ in whether they believe it or the
 * directory; so both must say the same.
 *
 * @param next where the next entry begins, or the directory
 * @returns where the entry's data begins
 * @throws Corrupt, ArchiveNotAllowed, Suspicious
 */
export async function readLocalHeader({ reader }: Archive, entry: ArchiveEntry, next: number): Promise<number> {
  const shares = () => new ArchiveNotAllowed(`the entry ${quoted(entry.name)} shares bytes with another`)
  if (entry.start + localHeaderBytes > next) throw shares()
  const header = Buffer.from(await reader.bytes(entry.start, localHeaderBytes))
  if (header.readUInt32LE(0) !== headerSignature) throw new Corrupt('its directory is damaged')
  const [nameBytes, extraBytes] = [header.readUInt16LE(26), header.readUInt16LE(28)]
  const dataStart = entry.start + localHeaderBytes + nameBytes + extraBytes
  if (dataStart + entry.packedBytes > next) throw shares()
  const rest = Buffer.from(await reader.bytes(entry.start + localHeaderBytes, nameBytes + extraBytes))
  const extra = rest.subarray(nameBytes)
  const fields = extraFieldsIn(extra)
  assertAgree(entry, header, rest.subarray(0, nameBytes), fields)
  assertNoLinkIn(fields, entry.name)
  searchAside(extra, 'an extra field')
  return dataStart
}

function assertAgree(entry: ArchiveEntry, header: Buffer, rawName: Buffer, fields: readonly ExtraField[]): void {
  const flags = header.readUInt16LE(6)
  const later = (flags & flagBits.sizesBehind) !== 0
  const agrees = (here: number, there: number) => here === there || (later && here === 0)
  // in plain ASCII a name is the same whether it says UTF-8 or not
  const compared = flagBits.encrypted | (isAscii(rawName) ? 0 : flagBits.utf8)
  const wide = wideValuesIn(fields)
  const isWide = [18, 22].some((field) => header.readUInt32LE(field) === wideNumber)
  const [unpacked = 0, packed = 0] = [22, 18].map((field) => {
    const value = header.readUInt32LE(field)
    return isWide && value === wideNumber ? wide() : value
  })
  const unicodeName = unicodePathIn(fields)
  if (
    !rawName.equals(entry.rawName) ||
    (unicodeName !== null && normalizedName(unicodeName) !== (entry.unicodeName ?? entry.name)) ||
    header.readUInt16LE(8) !== entry.method ||
    (flags & compared) !== (entry.flags & compared) ||
    !agrees(header.readUInt32LE(14), entry.crc32) ||
    !agrees(packed, entry.packedBytes) ||
    !agrees(unpacked, entry.unpackedBytes)
  ) {
    throw new HeadersDisagree(entry.name)
  }
}

const isAscii = (bytes: Buffer): boolean => bytes.every((byte) => byte < 0x80)
