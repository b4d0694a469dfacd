import { ArchiveNotAllowed, Corrupt, HeaderMismatch, quoted } from '../invalid-file.ts'
import { type Archive, type ArchiveEntry, flagBits, searchHiddenBytes, zip64Marker } from './directory.ts'
import { normalizedName } from './entry-names.ts'
import { assertNoLinkIn, type ExtraField, extraFieldsIn, unicodePathIn, zip64ValuesIn } from './extra-fields.ts'

const headerSignature = 0x0403_4b50
export const localHeaderBytes = 30

/**
 * Reads the local header of an entry (APPNOTE 6.3.10, section 4.3.7). Some programs use it and some the central directory; so both must agree.
 *
 * @param next offset of the next entry, or of the central directory
 * @returns offset of the entry's data
 * @throws Corrupt, ArchiveNotAllowed, Suspicious
 */
export async function readLocalHeader({ reader }: Archive, entry: ArchiveEntry, next: number): Promise<number> {
  const overlaps = () => new ArchiveNotAllowed(`the entry ${quoted(entry.name)} overlaps another entry`)
  if (entry.start + localHeaderBytes > next) throw overlaps()
  const header = Buffer.from(await reader.bytes(entry.start, localHeaderBytes))
  if (header.readUInt32LE(0) !== headerSignature) throw new Corrupt('its central directory is damaged')
  const [nameBytes, extraBytes] = [header.readUInt16LE(26), header.readUInt16LE(28)]
  const dataStart = entry.start + localHeaderBytes + nameBytes + extraBytes
  if (dataStart + entry.packedBytes > next) throw overlaps()
  const rest = Buffer.from(await reader.bytes(entry.start + localHeaderBytes, nameBytes + extraBytes))
  const extra = rest.subarray(nameBytes)
  const fields = extraFieldsIn(extra)
  assertAgree(entry, header, rest.subarray(0, nameBytes), fields)
  assertNoLinkIn(fields, entry.name)
  searchHiddenBytes(extra, 'an extra field')
  return dataStart
}

function assertAgree(entry: ArchiveEntry, header: Buffer, rawName: Buffer, fields: readonly ExtraField[]): void {
  const flags = header.readUInt16LE(6)
  const hasDescriptor = (flags & flagBits.dataDescriptor) !== 0
  const agrees = (local: number, central: number) => local === central || (hasDescriptor && local === 0)
  // a plain ASCII name is the same with and without the UTF-8 flag
  const compared = flagBits.encrypted | (isAscii(rawName) ? 0 : flagBits.utf8)
  const zip64 = zip64ValuesIn(fields)
  const isZip64 = [18, 22].some((field) => header.readUInt32LE(field) === zip64Marker)
  const [unpacked = 0, packed = 0] = [22, 18].map((field) => {
    const value = header.readUInt32LE(field)
    return isZip64 && value === zip64Marker ? zip64() : value
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
    throw new HeaderMismatch(entry.name)
  }
}

const isAscii = (bytes: Buffer): boolean => bytes.every((byte) => byte < 0x80)
