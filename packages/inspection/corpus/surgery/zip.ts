import { crc32, deflateRawSync } from 'node:zlib'

/** Writes ZIPs in which every field of every entry can be set. */

export interface ZipEntry {
  readonly name: string | Buffer
  readonly data: Buffer
  /** The compression method; stored by default. */
  readonly method?: number
  readonly flags?: number
  readonly extra?: Buffer
  /** Upper bits of the mode on Unix; a plain file by default. */
  readonly mode?: number
  readonly crc?: number
  readonly packed?: Buffer
  readonly packedBytes?: number
  readonly unpackedBytes?: number
  /** Values of the local header that differ from the directory. */
  readonly local?: {
    readonly name?: string
    readonly method?: number
    readonly crc?: number
    readonly packedBytes?: number
    readonly unpackedBytes?: number
  }
  /** The offset in the directory, if it is not that of the local header. */
  readonly offset?: number
  /** The length of the data descriptor after the data. */
  readonly descriptor?: 12 | 16 | 20 | 24
  /** Another checksum in the data descriptor. */
  readonly descriptorCrc?: number
  /** The declared minimum version of the format, times ten. */
  readonly needs?: number
  /** The extra field of the local header, if it differs from the directory's. */
  readonly localExtra?: Buffer
  /** The declared system: 3 is Unix (the default), 0 DOS, 10 Windows. */
  readonly madeOn?: number
  /** The lower bits of the attributes, for DOS and Windows. */
  readonly dosAttributes?: number
}

export interface ZipOptions {
  readonly comment?: Buffer
  /** Bytes between two entries. */
  readonly gap?: Buffer
  readonly afterDirectory?: Buffer
  readonly entryCount?: number
  /** False size and start of the directory in the end record. */
  readonly directoryBytes?: number
  readonly directoryStart?: number
  /** Also writes a Zip64 end record, with these false values. */
  readonly wide?: { readonly count?: number; readonly bytes?: number; readonly start?: number; readonly at?: number }
}

export const text = (name: string, contents: string): ZipEntry => ({ name, data: Buffer.from(contents) })

const numbers = (...pairs: readonly (readonly [value: number, bytes: 2 | 4])[]): Buffer => {
  const all = Buffer.alloc(pairs.reduce((sum, [, bytes]) => sum + bytes, 0))
  let at = 0
  for (const [value, bytes] of pairs) {
    all.writeUIntLE(value, at, bytes)
    at += bytes
  }
  return all
}

export function zipOf(
  entries: readonly ZipEntry[],
  { comment = Buffer.alloc(0), gap = Buffer.alloc(0), afterDirectory = Buffer.alloc(0), ...overrides }: ZipOptions = {},
): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [i, entry] of entries.entries()) {
    const before = i === 0 ? Buffer.alloc(0) : gap
    const { header, central } = headersOf(entry, at + before.length)
    const packed = packedOf(entry)
    const descriptor = entry.descriptor ? descriptorOf(entry, packed) : Buffer.alloc(0)
    parts.push(before, header, packed, descriptor)
    at += before.length + header.length + packed.length + descriptor.length
    directory.push(central)
  }
  const all = Buffer.concat(directory)
  const count = overrides.entryCount ?? entries.length
  const [bytes, start] = [overrides.directoryBytes ?? all.length, overrides.directoryStart ?? at]
  const wide = overrides.wide
    ? wideEnd({ count: entries.length, bytes: all.length, start: at, at: at + all.length, ...overrides.wide })
    : Buffer.alloc(0)
  const end = numbers([0x0605_4b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [bytes, 4], [start, 4], [comment.length, 2])
  return Buffer.concat([...parts, all, afterDirectory, wide, end, comment])
}

/** The Zip64 end record and its locator. */
function wideEnd({ count, bytes, start, at }: { count: number; bytes: number; start: number; at: number }): Buffer {
  const long = (value: number) => [[value, 4] as const, [0, 4] as const]
  return numbers(
    [0x0606_4b50, 4],
    ...long(44),
    [45, 2],
    [45, 2],
    [0, 4],
    [0, 4],
    ...long(count),
    ...long(count),
    ...long(bytes),
    ...long(start),
    [0x0706_4b50, 4],
    [0, 4],
    ...long(at),
    [1, 4],
  )
}

/** A second name for an entry: Info-ZIP's Unicode path. */
export function unicodePath(of: string | Buffer, name: string, checksum = crc32(of)): Buffer {
  const contents = Buffer.concat([Buffer.from([1]), numbers([checksum, 4]), Buffer.from(name)])
  return Buffer.concat([numbers([0x7075, 2], [contents.length, 2]), contents])
}

const packedOf = ({ data, method = 0, packed }: ZipEntry): Buffer => packed ?? (method === 8 ? deflateRawSync(data) : data)

function descriptorOf({ data, descriptor = 16, descriptorCrc = crc32(data) }: ZipEntry, packed: Buffer): Buffer {
  const sizes = [packed.length, data.length].map((size) => numbers([size, 4], ...(descriptor >= 20 ? [[0, 4] as const] : [])))
  const signature = descriptor % 8 === 0 ? [numbers([0x0807_4b50, 4])] : []
  return Buffer.concat([...signature, numbers([descriptorCrc, 4]), ...sizes])
}

function headersOf(entry: ZipEntry, offset: number): { header: Buffer; central: Buffer } {
  const { method = 0, data, extra = Buffer.alloc(0), localExtra = extra, mode = 0x8000 | 0o644, needs = 20, local = {} } = entry
  const { madeOn = 3, dosAttributes = 0 } = entry
  const name = Buffer.from(entry.name as string)
  const flags = (entry.flags ?? 0) | (typeof entry.name === 'string' ? 0x800 : 0) | (entry.descriptor ? 8 : 0)
  const crc = entry.crc ?? crc32(data)
  const packedBytes = entry.packedBytes ?? packedOf(entry).length
  const unpackedBytes = entry.unpackedBytes ?? data.length
  const later = (value: number) => (entry.descriptor ? 0 : value)
  const localName = local.name ? Buffer.from(local.name) : name
  const header = Buffer.concat([
    numbers([0x0403_4b50, 4], [needs, 2], [flags, 2], [local.method ?? method, 2], [0x6000, 2], [0x5aa4, 2]),
    numbers(
      [local.crc ?? later(crc), 4],
      [local.packedBytes ?? later(packedBytes), 4],
      [local.unpackedBytes ?? later(unpackedBytes), 4],
      [localName.length, 2],
      [localExtra.length, 2],
    ),
    localName,
    localExtra,
  ])
  const central = Buffer.concat([
    numbers([0x0201_4b50, 4], [(madeOn << 8) | 30, 2], [needs, 2], [flags, 2], [method, 2], [0x6000, 2], [0x5aa4, 2]),
    numbers([crc, 4], [packedBytes, 4], [unpackedBytes, 4], [name.length, 2], [extra.length, 2], [0, 2], [0, 2], [0, 2]),
    numbers([((mode << 16) | dosAttributes) >>> 0, 4], [entry.offset ?? offset, 4]),
    name,
    extra,
  ])
  return { header, central }
}
