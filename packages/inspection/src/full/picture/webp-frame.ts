import { Corrupt } from '../bad-bytes.ts'

export interface WebpFrame {
  readonly width: number
  readonly height: number
}

/**
 * The header of a lossy frame: a key frame of VP8, whose first partition lies inside it (RFC 6386, section 9.1).
 *
 * @throws Corrupt
 */
export function readLossy(data: Buffer): WebpFrame {
  const damaged = () => new Corrupt('the header of its pixels is damaged')
  if (data.length < 10) throw damaged()
  const tag = data.readUIntLE(0, 3)
  const isKeyFrame = (tag & 1) === 0
  const firstPartitionBytes = tag >> 5
  if (!isKeyFrame || data.readUIntBE(3, 3) !== 0x9d012a) throw damaged()
  if (10 + firstPartitionBytes > data.length) throw new Corrupt('it ends before the picture does')
  const [width, height] = [data.readUInt16LE(6) & 0x3fff, data.readUInt16LE(8) & 0x3fff]
  if (width === 0 || height === 0) throw damaged()
  return { width, height }
}

/**
 * The header of a lossless frame: a signature, then sizes in 14 bits each, less one (RFC 9649, section 3.4).
 *
 * @throws Corrupt
 */
export function readLossless(data: Buffer): WebpFrame {
  if (data.length < 5 || data[0] !== 0x2f) throw new Corrupt('the header of its pixels is damaged')
  const bits = data.readUInt32LE(1)
  if (bits >>> 29 !== 0) throw new Corrupt('the header of its pixels is damaged')
  return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 }
}
