import { Corrupt } from '../invalid-file.ts'

export interface FrameArea {
  readonly width: number
  readonly height: number
}

/** IHDR (PNG, third edition, section 11.2.1). */
export interface PngHeader extends FrameArea {
  readonly bitDepth: number
  readonly colourType: number
  readonly interlaced: boolean
}

export const palette = 3

/** Samples per pixel and allowed bit depths, by colour type. */
const colourTypes: Readonly<Record<number, { samples: number; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
}

/** @throws Corrupt */
export function readHeader(data: Buffer): PngHeader {
  if (data.length !== 13) throw new Corrupt('its header is damaged')
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)]
  const [bitDepth = 0, colourType = 0, compression, filter, interlace = 0] = data.subarray(8)
  if (width === 0 || height === 0 || width > 0x7fff_ffff || height > 0x7fff_ffff) {
    throw new Corrupt(`its header declares ${width} × ${height} pixels`)
  }
  if (!colourTypes[colourType]?.depths.includes(bitDepth))
    throw new Corrupt(`its header declares colour type ${colourType} with ${bitDepth} bits`)
  if (compression !== 0 || filter !== 0 || interlace > 1)
    throw new Corrupt('its header declares an unknown compression, filter or interlace method')
  return { width, height, bitDepth, colourType, interlaced: interlace === 1 }
}

/** Start and distance of the pixels in each of the seven passes of an interlaced picture (Adam7, section 8.2). */
const passes = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
] as const

/** The rows that a picture unpacks to, per pass: their number, and their bytes including the filter byte. */
export function rowsOf({ bitDepth, colourType, interlaced }: PngHeader, { width, height }: FrameArea): { rows: number; bytes: number }[] {
  const bits = bitDepth * (colourTypes[colourType]?.samples ?? 1)
  const whole = [{ x: 0, y: 0, dx: 1, dy: 1 }]
  return (interlaced ? passes : whole)
    .map(({ x, y, dx, dy }) => ({ columns: Math.ceil((width - x) / dx), rows: Math.ceil((height - y) / dy) }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0)
    .map(({ columns, rows }) => ({ rows, bytes: 1 + Math.ceil((columns * bits) / 8) }))
}
