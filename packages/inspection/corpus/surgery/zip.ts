import { crc32, deflateRawSync } from 'node:zlib'

/** Writes ZIPs, with any field of any entry as a row wants it. */

export interface ZipEntry {
  readonly name: string | Buffer
  readonly data: Buffer
  /** Stored, unless it says otherwise. */
  readonly method?: number
  readonly flags?: number
  readonly extra?: Buffer
  /** Upper bits of the mode on Unix; a plain file by default. */
  readonly mode?: number
  readonly crc?: number
  readonly packed?: Buffer
  readonly packedBytes?: number
  readonly unpackedBytes?: number
  /** Says other things in the entry's own header than in the directory. */
  readonly local?: {
    readonly name?: string
    readonly method?: number
    readonly crc?: number
    readonly packedBytes?: number
    readonly unpackedBytes?: number
  }
  /** Points elsewhere than to its own header. */
  readonly offset?: number
  /** Sizes behind the data. */
  readonly descriptor?: 12 | 16 | 20 | 24
  /** Another checksum in them. */
  readonly descriptorCrc?: number
  /** The version of the format that it says it needs, times ten. */
  readonly needs?: number
  /** Its own extra field, where that is not the directory's. */
  readonly localExtra?: Buffer
}

export interface ZipOptions {
  readonly comment?: Buffer
  /** What stands between two entries. */
  readonly gap?: Buffer
  readonly behindDirectory?: Buffer
  readonly entryCount?: number
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
  { comment = Buffer.alloc(0), gap = Buffer.alloc(0), behindDirectory = Buffer.alloc(0), entryCount }: ZipOptions = {},
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
  const count = entryCount ?? entries.length
  const end = numbers([0x0605_4b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [all.length, 4], [at, 4], [comment.length, 2])
  return Buffer.concat([...parts, all, behindDirectory, end, comment])
}

const packedOf = ({ data, method = 0, packed }: ZipEntry): Buffer => packed ?? (method === 8 ? deflateRawSync(data) : data)

function descriptorOf({ data, descriptor = 16, descriptorCrc = crc32(data) }: ZipEntry, packed: Buffer): Buffer {
  const sizes = [packed.length, data.length].map((size) => numbers([size, 4], ...(descriptor >= 20 ? [[0, 4] as const] : [])))
  const signature = descriptor % 8 === 0 ? [numbers([0x0807_4b50, 4])] : []
  return Buffer.concat([...signature, numbers([descriptorCrc, 4]), ...sizes])
}

function headersOf(entry: ZipEntry, offset: number): { header: Buffer; central: Buffer } {
  const { method = 0, data, extra = Buffer.alloc(0), localExtra = extra, mode = 0x8000 | 0o644, needs = 20, local = {} } = entry
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
    numbers([0x0201_4b50, 4], [(3 << 8) | 30, 2], [needs, 2], [flags, 2], [method, 2], [0x6000, 2], [0x5aa4, 2]),
    numbers([crc, 4], [packedBytes, 4], [unpackedBytes, 4], [name.length, 2], [extra.length, 2], [0, 2], [0, 2], [0, 2]),
    numbers([(mode << 16) >>> 0, 4], [entry.offset ?? offset, 4]),
    name,
    extra,
  ])
  return { header, central }
}
