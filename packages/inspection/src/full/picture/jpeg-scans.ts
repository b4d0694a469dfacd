import { Corrupt } from '../invalid-file.ts'

/** A frame header (SOF, ITU-T T.81, B.2.2). */
export interface JpegFrame {
  readonly width: number
  readonly height: number
  readonly progressive: boolean
  readonly components: readonly FrameComponent[]
}

interface FrameComponent {
  readonly id: number
  /** Horizontal and vertical sampling factors. */
  readonly h: number
  readonly v: number
}

/** A component of a scan, with its Huffman tables. */
export interface ScanComponent extends FrameComponent {
  readonly dcTable: number
  readonly acTable: number
}

/** Encoders write about ten. A thousand scans of a large picture keep a decoder busy for hours. */
const maxScans = 100

const coefficients = 64
const unknownBit = 255

/** @throws Corrupt */
export function readFrame(body: Buffer, progressive: boolean): JpegFrame {
  const count = body[5] ?? 0
  if (body.length < 6 || body.length !== 6 + count * 3) throw new Corrupt('its frame header is malformed')
  if (body[0] !== 8) throw new Corrupt(`it has ${body[0]} bits per sample, which browsers do not support`)
  const height = body.readUInt16BE(1)
  const width = body.readUInt16BE(3)
  if (width === 0 || height === 0) throw new Corrupt(`its header declares ${width} × ${height} pixels`)
  if (count !== 1 && count !== 3 && count !== 4) throw new Corrupt(`it has ${count} colour components`)
  const components = Array.from({ length: count }, (_, i) => readComponent(body.subarray(6 + i * 3)))
  return { width, height, progressive, components }
}

function readComponent([id = 0, factors = 0, table = 0]: Buffer): FrameComponent {
  const [h, v] = [factors >> 4, factors & 15]
  if (h < 1 || h > 4 || v < 1 || v > 4 || table > 3) throw new Corrupt('its frame header is malformed')
  return { id, h, v }
}

/**
 * Tracks which coefficients the scans have defined. Decoders show missing parts as grey, without a warning.
 *
 * In a progressive picture, later scans add the lower bits of a coefficient (G.1.1).
 */
export class JpegScans {
  readonly frame: JpegFrame
  /** For each component and coefficient, the lowest bit that is known; initially `unknownBit`. */
  readonly #lowestBit: readonly Uint8Array[]
  #count = 0

  constructor(frame: JpegFrame) {
    this.frame = frame
    this.#lowestBit = frame.components.map(() => new Uint8Array(coefficients).fill(unknownBit))
  }

  /**
   * @returns the components of the scan
   * @throws Corrupt if the scan header is malformed, or repeats data
   */
  begin(header: Buffer): ScanComponent[] {
    if (++this.#count > maxScans) throw new Corrupt(`it has more than ${maxScans} scans`)
    const count = header[0] ?? 0
    if (count < 1 || count > 4 || header.length !== 4 + count * 2) throw new Corrupt('its scan header is malformed')
    const [from, to, bits] = [header[1 + count * 2] ?? 0, header[2 + count * 2] ?? 0, header[3 + count * 2] ?? 0]
    const taken = new Set<number>()
    return Array.from({ length: count }, (_, i) => {
      const [id = 0, tables = 0] = header.subarray(1 + i * 2)
      // Decoders use components with the same id in the order of the frame
      const index = this.frame.components.findIndex((each, place) => each.id === id && !taken.has(place))
      taken.add(index)
      const known = this.#lowestBit[index]
      const component = this.frame.components[index]
      if (!known || !component) throw new Corrupt('its scan header names an unknown colour component')
      if (this.frame.progressive) refine(known, { from, to, high: bits >> 4, low: bits & 15 })
      else markComplete(known)
      return { ...component, dcTable: tables >> 4, acTable: tables & 15 }
    })
  }

  /** @throws Corrupt if a part of the picture is missing */
  assertComplete(): void {
    for (const known of this.#lowestBit) {
      if (known.some((bit) => bit !== 0)) throw new Corrupt('scans are missing')
    }
  }
}

function markComplete(known: Uint8Array): void {
  if (known[0] !== unknownBit) throw new Corrupt('it contains a scan twice')
  known.fill(0)
}

function refine(known: Uint8Array, { from, to, high, low }: { from: number; to: number; high: number; low: number }): void {
  if (from > to || to >= coefficients || (from === 0 && to !== 0)) throw new Corrupt('its scan header is malformed')
  for (let i = from; i <= to; i++) {
    if (known[i] !== (high === 0 ? unknownBit : high)) throw new Corrupt('its scans are inconsistent')
    known[i] = low
  }
}
