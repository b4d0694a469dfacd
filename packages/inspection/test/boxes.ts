/** Builds MP4 files box by box, so that a test can get any one of them wrong. */

export function box(type: string, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(body.length + 8)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, body])
}

/** A box that gives its size in 64 bits. */
export function longBox(type: string, body: Uint8Array, size = BigInt(body.length + 16)): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32BE(1)
  header.write(type, 4, 'latin1')
  header.writeBigUInt64BE(size, 8)
  return Buffer.concat([header, body])
}

/** A header that claims a size which its contents need not have. */
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

/** Version 0 with times in 32 bits, or version 1 with 64. */
export const mvhd = ({ timescale = 1000, duration = 2000n, version = 0 } = {}): Buffer =>
  version === 0
    ? box('mvhd', u32(0, 0, 0, timescale, Number(duration)), Buffer.alloc(80))
    : box('mvhd', u32(0x0100_0000), u64(0n), u64(0n), u32(timescale), u64(duration), Buffer.alloc(80))

export const tkhd = ({ width = 320, height = 180, version = 0 } = {}): Buffer =>
  box('tkhd', u32(version << 24), Buffer.alloc(version === 0 ? 72 : 84), u32(width << 16, height << 16))

export const hdlr = (handler = 'vide'): Buffer => box('hdlr', u32(0, 0), Buffer.from(handler), Buffer.alloc(13))

export const stsd = (codec = 'avc1'): Buffer => box('stsd', u32(0, 1), box(codec, Buffer.alloc(78)))

export const trak = ({ header = tkhd(), handler = hdlr(), description = stsd() } = {}): Buffer =>
  box('trak', header, box('mdia', handler, box('minf', box('stbl', description))))

export const moov = (...contents: Buffer[]): Buffer => box('moov', ...(contents.length === 0 ? [mvhd(), trak()] : contents))

export const mdat = (bytes = 64): Buffer => box('mdat', Buffer.alloc(bytes, 7))

/** A small file with nothing wrong in it, or with the boxes given. */
export const mp4 = (...boxes: Buffer[]): Buffer => Buffer.concat(boxes.length === 0 ? [ftyp(), moov(), mdat()] : boxes)
