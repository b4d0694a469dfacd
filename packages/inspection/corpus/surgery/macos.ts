/** Writes the files that macOS adds to archives. */

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}

const finderInfoBytes = 32
const headerBytes = 26 + 2 * 12
/** Offset of the header of the attributes: aligned, after the Finder's information. */
const attributesAt = headerBytes + finderInfoBytes + 2

/** Extended attributes after the Finder's information (copyfile.c of Darwin): a header, a row for each, then their values. */
function attributesOf(attributes: Readonly<Record<string, Buffer>>): Buffer {
  const rows = Object.entries(attributes).map(([name, value]) => ({ name: Buffer.from(`${name}\0`), value }))
  const rowBytes = rows.map(({ name }) => (11 + name.length + 3) & ~3)
  const dataStart = attributesAt + 36 + rowBytes.reduce((sum, bytes) => sum + bytes, 0)
  const dataBytes = rows.reduce((sum, { value }) => sum + value.length, 0)
  const head = Buffer.concat([
    Buffer.from('ATTR'),
    u32(0, dataStart + dataBytes, dataStart, dataBytes, 0, 0, 0),
    Buffer.from([0, 0, 0, rows.length]),
  ])
  let at = dataStart
  const table = rows.map(({ name, value }, i) => {
    const row = Buffer.alloc(rowBytes[i] ?? 0)
    u32(at, value.length).copy(row)
    row.writeUInt8(name.length, 10)
    name.copy(row, 11)
    at += value.length
    return row
  })
  return Buffer.concat([Buffer.alloc(2), head, ...table, ...rows.map(({ value }) => value)])
}

/** An empty resource fork, as macOS writes it. */
export const emptyFork = (): Buffer => {
  const fork = Buffer.alloc(286)
  u32(256, 256, 0, 30).copy(fork)
  fork.write('This resource fork intentionally left blank   ', 16, 'latin1')
  u32(256, 256, 0, 30).copy(fork, 256)
  Buffer.from('001c001effff', 'hex').copy(fork, 280)
  return fork
}

interface DoubleOptions {
  readonly attributes?: Readonly<Record<string, Buffer>>
  readonly fork?: Buffer
  readonly trailing?: Buffer
  /** The kind of the second stretch; 2 is a resource fork. */
  readonly kind?: number
}

/** An AppleDouble file: the Finder's information, extended attributes, and a resource fork (RFC 1740). */
export function appleDouble({ attributes = {}, fork = Buffer.alloc(0), trailing = Buffer.alloc(0), kind = 2 }: DoubleOptions = {}): Buffer {
  const info = Buffer.concat([
    Buffer.alloc(finderInfoBytes),
    Object.keys(attributes).length > 0 ? attributesOf(attributes) : Buffer.alloc(0),
  ])
  const rows = u32(9, headerBytes, info.length, kind, headerBytes + info.length, fork.length)
  return Buffer.concat([u32(0x0005_1607, 0x0002_0000), Buffer.from('Mac OS X        '), Buffer.from([0, 2]), rows, info, fork, trailing])
}
