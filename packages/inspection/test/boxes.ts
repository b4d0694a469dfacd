/** Builds MP4 files box by box, so that a test can make any of them invalid. */

export function box(type: string, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(body.length + 8)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, body])
}

/** A box with a 64-bit size. */
export function longBox(type: string, body: Uint8Array, size = BigInt(body.length + 16)): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32BE(1)
  header.write(type, 4, 'latin1')
  header.writeBigUInt64BE(size, 8)
  return Buffer.concat([header, body])
}

/** A header that declares another size than its contents have. */
export function claiming(size: number, type: string, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const whole = box(type, body)
  whole.writeUInt32BE(size)
  return whole
}

export const u32 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from(new Uint32Array([value]).buffer).swap32()))
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

export const ftyp = (major = 'isom', ...compatible: string[]): Buffer =>
  box('ftyp', Buffer.from(major), u32(512), Buffer.from(compatible.join('')))

/** Version 0 with 32-bit times, or version 1 with 64-bit times. */
export const mvhd = ({ timescale = 1000, duration = 2000n, version = 0 } = {}): Buffer =>
  version === 0
    ? box('mvhd', u32(0, 0, 0, timescale, Number(duration)), Buffer.alloc(80))
    : box('mvhd', u32(0x0100_0000), u64(0n), u64(0n), u32(timescale), u64(duration), Buffer.alloc(80))

const upright = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]

export const tkhd = ({ id = 1, width = 320, height = 180, version = 0, matrix = upright } = {}): Buffer =>
  version === 0
    ? box('tkhd', u32(3, 0, 0, id, 0, 0), Buffer.alloc(16), u32(...matrix), u32(width << 16, height << 16))
    : box('tkhd', u32(0x0100_0003), u64(0n), u64(0n), u32(id, 0), u64(0n), Buffer.alloc(16), u32(...matrix), u32(width << 16, height << 16))

export const mdhd = ({ timescale = 1000, version = 0 } = {}): Buffer =>
  version === 0
    ? box('mdhd', u32(0, 0, 0, timescale, 2000, 0))
    : box('mdhd', u32(0x0100_0000), u64(0n), u64(0n), u32(timescale), u64(2000n), u32(0))

export const hdlr = (handler = 'vide'): Buffer => box('hdlr', u32(0, 0), Buffer.from(handler), Buffer.alloc(13))

const avcC = (): Buffer => box('avcC', Buffer.from('0164001fffe100046764001f01000468ee3c80', 'hex'))
const hvcC = (): Buffer => box('hvcC', Buffer.from([1, ...Buffer.alloc(20), 3, 0]))

/** The description of a codec, with the boxes that it needs, or the given ones. */
export const stsd = (codec = 'avc1', ...extensions: Buffer[]): Buffer => {
  const size = Buffer.alloc(78)
  size.writeUInt16BE(320, 24)
  size.writeUInt16BE(180, 26)
  const usual = codec === 'avc1' ? [avcC()] : codec === 'hvc1' ? [hvcC()] : []
  return box('stsd', u32(0, 1), box(codec, size, ...(extensions.length > 0 ? extensions : usual)))
}

/** Tables of two samples of a second and `sampleBytes` each, in one chunk. Offsets are relative to the media's first byte; `mp4` corrects them. */
export const stts = (...runs: number[]): Buffer => box('stts', u32(0, runs.length / 2, ...runs))
export const stsc = (...runs: number[]): Buffer => box('stsc', u32(0, runs.length / 3, ...runs))
export const stsz = (uniform: number, count: number, ...sizes: number[]): Buffer => box('stsz', u32(0, uniform, count, ...sizes))
export const stco = (...offsets: number[]): Buffer => box('stco', u32(0, offsets.length, ...offsets))
export const co64 = (...offsets: bigint[]): Buffer => box('co64', u32(0, offsets.length), ...offsets.map(u64))

export const sampleBytes = 8
export const tables = (): Buffer[] => [stts(2, 1000), stsc(1, 2, 1), stsz(sampleBytes, 2), stco(0)]
/** The `mvex` of a fragmented movie. */
export const emptyTables = (): Buffer[] => [stts(), stsc(), stsz(0, 0), stco()]

export const trak = ({
  header = tkhd(),
  times = mdhd(),
  handler = hdlr(),
  description = stsd(),
  samples = tables(),
  references = null as Buffer | null,
} = {}): Buffer =>
  box(
    'trak',
    header,
    box('mdia', times, handler, box('minf', ...(references ? [box('dinf', references)] : []), box('stbl', description, ...samples))),
  )

export const moov = (...contents: Buffer[]): Buffer => box('moov', ...(contents.length === 0 ? [mvhd(), trak()] : contents))

/** Two NAL units that are valid for H.264 and H.265, each after its length, then padding. */
const units = Buffer.from('0000000465010000'.repeat(2), 'hex')
export const mdat = (bytes = 64): Buffer => box('mdat', Buffer.concat([units, Buffer.alloc(bytes, 7)]).subarray(0, bytes))

/** A small valid file, or one with the given boxes. */
export function mp4(...boxes: Buffer[]): Buffer {
  const file = Buffer.concat(boxes.length === 0 ? [ftyp(), moov(), mdat()] : boxes)
  const media = mediaStart(boxes.length === 0 ? [ftyp(), moov(), mdat()] : boxes)
  for (let at = file.indexOf('stco'); at >= 0; at = file.indexOf('stco', at + 4)) {
    for (let i = 0; i < file.readUInt32BE(at + 8); i++)
      file.writeUInt32BE((file.readUInt32BE(at + 12 + i * 4) + media) >>> 0, at + 12 + i * 4)
  }
  for (let at = file.indexOf('co64'); at >= 0; at = file.indexOf('co64', at + 4)) {
    for (let i = 0; i < file.readUInt32BE(at + 8); i++) {
      file.writeBigUInt64BE(file.readBigUInt64BE(at + 12 + i * 8) + BigInt(media), at + 12 + i * 8)
    }
  }
  return file
}

function mediaStart(boxes: readonly Buffer[]): number {
  let at = 0
  for (const each of boxes) {
    if (each.toString('latin1', 4, 8) === 'mdat') return at + (each.readUInt32BE(0) === 1 ? 16 : 8)
    at += each.length
  }
  return 0
}

export const trex = ({ id = 1, duration = 1000, size = sampleBytes } = {}): Buffer => box('trex', u32(0, id, 1, duration, size, 0))
export const tfhd = ({ id = 1, flags = 0x2_0000, fields = [] as number[] } = {}): Buffer => box('tfhd', u32(flags, id, ...fields))
/** A run of samples, by default of two with default values, at `dataOffset` from the fragment's first byte. */
export const trun = ({ samples = 2, dataOffset = 0, flags = 0x1, rows = [] as number[] } = {}): Buffer =>
  box('trun', u32(flags, samples, dataOffset, ...rows))
export const moof = (...trafs: Buffer[]): Buffer => box('moof', box('mfhd', u32(0, 1)), ...trafs.map((traf) => box('traf', traf)))
