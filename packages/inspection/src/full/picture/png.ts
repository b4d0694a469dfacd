import { crc32 } from 'node:zlib'
import { Corrupt } from '../invalid-file.ts'
import { UnpackingBudget } from '../unpack.ts'
import { assertFewChunks, PartList, type PictureStructure } from './picture-structure.ts'
import { ChunkOrder } from './png-chunks.ts'
import { type FrameArea, type PngHeader, readHeader } from './png-header.ts'
import { partOf } from './png-parts.ts'

const signatureBytes = 8
/** Length, type and CRC of a chunk. */
const chunkFrameBytes = 12

/** A PNG's structure, and its compressed pixels. */
export interface PngStructure extends PictureStructure {
  readonly header: PngHeader
  /** The default image, then the frames of an animation. Each is one zlib stream, in pieces. */
  readonly packed: readonly PackedPixels[]
}

export interface PackedPixels {
  readonly area: FrameArea
  readonly pieces: Buffer[]
}

/**
 * Parses the chunks of a PNG from IHDR to IEND, and checks their checksums and their order (PNG, third edition, section 5).
 *
 * @throws Corrupt
 */
export function parsePng(bytes: Buffer): PngStructure {
  return new PngParser(bytes).parse()
}

class PngParser {
  readonly #bytes: Buffer
  readonly #order = new ChunkOrder()
  readonly #parts = new PartList()
  readonly #budget = new UnpackingBudget()
  readonly #defaultImage: Buffer[] = []
  readonly #animationFrames: PackedPixels[] = []
  #header: PngHeader | null = null
  #declaredFrames: number | null = null
  #sequence = 0
  #chunks = 0
  #control: FrameArea | null = null
  #defaultImageIsFrame = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  parse(): PngStructure {
    let at = signatureBytes
    for (;;) {
      if (at + chunkFrameBytes > this.#bytes.length) throw new Corrupt('it is truncated')
      assertFewChunks(++this.#chunks)
      const { type, data, end } = this.#chunkAt(at)
      this.#take(type, data, at + 8)
      at = end
      if (type === 'IEND') return this.#structure(end)
    }
  }

  #chunkAt(at: number): { type: string; data: Buffer; end: number } {
    const length = this.#bytes.readUInt32BE(at)
    const type = this.#bytes.toString('latin1', at + 4, at + 8)
    const end = at + chunkFrameBytes + length
    if (!/^[A-Za-z]{4}$/.test(type)) throw new Corrupt(`there is no valid chunk at byte ${at}`)
    if (length > 0x7fff_ffff || end > this.#bytes.length) throw new Corrupt(`the chunk '${type}' extends beyond the end of the file`)
    if (crc32(this.#bytes.subarray(at + 4, end - 4)) !== this.#bytes.readUInt32BE(end - 4)) {
      throw new Corrupt(`the chunk '${type}' has a wrong checksum`)
    }
    return { type, data: this.#bytes.subarray(at + 8, end - 4), end }
  }

  #take(type: string, data: Buffer, at: number): void {
    this.#order.next(type, this.#header)
    switch (type) {
      case 'IHDR':
        this.#header = readHeader(data)
        return
      case 'PLTE':
        if (data.length === 0 || data.length % 3 !== 0 || data.length > 768) throw new Corrupt('its palette is malformed')
        return
      case 'IDAT':
        this.#defaultImage.push(data)
        this.#defaultImageIsFrame ||= this.#control !== null
        return
      case 'IEND':
        if (data.length > 0) throw new Corrupt("its chunk 'IEND' is not empty")
        return
      case 'acTL':
        this.#declaredFrames = data.length === 8 ? data.readUInt32BE(0) : 0
        return
      case 'fcTL':
        this.#frameControl(data)
        return
      case 'fdAT':
        this.#frameData(data)
        return
      default:
        this.#parts.add(partOf(type, data, { at, budget: this.#budget }))
    }
  }

  /** The start of a frame of an animation, with its area on the canvas (section 11.3.6.2). */
  #frameControl(data: Buffer): void {
    if (data.length !== 26 || this.#header === null) throw new Corrupt("its chunk 'fcTL' is malformed")
    this.#expectSequence(data)
    const area = { width: data.readUInt32BE(4), height: data.readUInt32BE(8) }
    const { width, height } = this.#header
    if (
      area.width === 0 ||
      area.height === 0 ||
      data.readUInt32BE(12) + area.width > width ||
      data.readUInt32BE(16) + area.height > height
    ) {
      throw new Corrupt('a frame exceeds the picture')
    }
    this.#control = area
    if (this.#defaultImage.length > 0) this.#animationFrames.push({ area, pieces: [] })
  }

  #frameData(data: Buffer): void {
    this.#expectSequence(data)
    const frame = this.#animationFrames.at(-1)
    if (!frame) throw new Corrupt("its chunk 'fdAT' belongs to no frame")
    frame.pieces.push(data.subarray(4))
  }

  #expectSequence(data: Buffer): void {
    if (data.length < 4 || data.readUInt32BE(0) !== this.#sequence++) throw new Corrupt('frames are missing or out of order')
  }

  #structure(end: number): PngStructure {
    const header = this.#header
    if (header === null || this.#defaultImage.length === 0) throw new Corrupt('it has no pixels')
    const frames = this.#animationFrames.length + (this.#defaultImageIsFrame ? 1 : 0)
    if (this.#declaredFrames === null ? frames > 0 : frames !== this.#declaredFrames || frames === 0) {
      throw new Corrupt(`it declares ${this.#declaredFrames ?? 0} frames but has ${frames}`)
    }
    const { width, height } = header
    const packed = [{ area: { width, height }, pieces: this.#defaultImage }, ...this.#animationFrames]
    return { width, height, frames: packed.length, end, parts: this.#parts.all, header, packed }
  }
}
