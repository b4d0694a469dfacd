import { Corrupt } from '../invalid-file.ts'
import { assertFewChunks, type Part, PartList, type PictureStructure } from './picture-structure.ts'

const riffHeaderBytes = 12
const chunkHeaderBytes = 8
const frameHeaderBytes = 16

const flags = { animation: 0x02 } as const

/** A misspelt type of XMP that some editors write; decoders skip it like other unknown chunks. */
const misspeltXmp = 'XMP\0'

/** Chunks that do not contain pixels. */
const partKinds: Readonly<Record<string, { kind: Part['kind']; where: string }>> = {
  EXIF: { kind: 'exif', where: 'its EXIF data' },
  'XMP ': { kind: 'xmp', where: 'its XMP data' },
  [misspeltXmp]: { kind: 'xmp', where: 'its XMP data' },
  ICCP: { kind: 'profile', where: 'its colour profile' },
}

interface Chunk {
  readonly type: string
  readonly data: Buffer
  readonly at: number
}

interface Canvas {
  readonly width: number
  readonly height: number
  readonly animated: boolean
}

/**
 * Parses the chunks of a WebP up to the end that the RIFF header declares (RFC 9649, section 2), including the frames of an animation.
 *
 * @throws Corrupt
 */
export function parseWebp(bytes: Buffer): PictureStructure {
  const end = chunkHeaderBytes + bytes.readUInt32LE(4)
  if (end > bytes.length) throw new Corrupt('it is truncated')
  if (end < riffHeaderBytes + chunkHeaderBytes) throw new Corrupt('its header is damaged')
  const chunks = chunksOf(bytes.subarray(0, end), riffHeaderBytes, 0)
  const first = chunks[0]
  const canvas = first?.type === 'VP8X' ? readCanvas(first.data) : null
  const frames = canvas?.animated ? animationFrames(chunks, canvas) : [stillFrame(chunks)]
  const { width, height } = canvas ?? (frames[0] as WebpFrame)
  const still = frames[0]
  if (canvas && !canvas.animated && (still?.width !== width || still.height !== height)) {
    throw new Corrupt('its header and its pixels have different sizes')
  }
  return { width, height, frames: frames.length, end, parts: partsOf(chunks) }
}

/** Chunks up to the end; one of odd length is followed by a padding byte. */
function chunksOf(bytes: Buffer, from: number, base: number): Chunk[] {
  const chunks: Chunk[] = []
  let at = from
  while (at < bytes.length) {
    if (at + chunkHeaderBytes > bytes.length) throw new Corrupt(`there is an incomplete chunk at byte ${base + at}`)
    const type = bytes.toString('latin1', at, at + 4)
    const length = bytes.readUInt32LE(at + 4)
    const data = at + chunkHeaderBytes
    if (!/^[ -~]{4}$/.test(type) && type !== misspeltXmp) throw new Corrupt(`there is no valid chunk at byte ${base + at}`)
    if (data + length > bytes.length) throw new Corrupt(`its chunk '${type.trim()}' extends beyond the end of the file`)
    assertFewChunks(chunks.length + 1)
    chunks.push({ type, data: bytes.subarray(data, data + length), at: base + data })
    at = data + length + (length % 2)
  }
  return chunks
}

/** Flags, and width and height minus one in 24 bits each (section 2.7.1). */
function readCanvas(data: Buffer): Canvas {
  if (data.length < 10) throw new Corrupt('its header is damaged')
  return {
    width: data.readUIntLE(4, 3) + 1,
    height: data.readUIntLE(7, 3) + 1,
    animated: ((data[0] ?? 0) & flags.animation) !== 0,
  }
}

/** The pixels, preceded by an alpha channel if they are lossy. */
function stillFrame(chunks: readonly Chunk[]): WebpFrame {
  const pixels = chunks.filter(({ type }) => type === 'VP8 ' || type === 'VP8L')
  const [only, second] = pixels
  if (!only) throw new Corrupt('it has no pixels')
  if (second) throw new Corrupt('it has two chunks with pixels')
  const alphas = chunks.filter(({ type }) => type === 'ALPH')
  if (alphas.length > 1) throw new Corrupt("it has two chunks 'ALPH'")
  const alpha = alphas[0]
  if (alpha && (chunks.indexOf(alpha) > chunks.indexOf(only) || alpha.data.length < 2))
    throw new Corrupt("its chunk 'ALPH' is misplaced or empty")
  if (chunks.some(({ type }) => type === 'ANMF' || type === 'ANIM')) throw new Corrupt('it has frames but is not an animation')
  return only.type === 'VP8L' ? readLossless(only.data) : readLossy(only.data)
}

/** Each frame is a chunk that contains its position and duration, then its own chunks (section 2.7.1.1). */
function animationFrames(chunks: readonly Chunk[], canvas: Canvas): WebpFrame[] {
  const control = chunks.findIndex(({ type }) => type === 'ANIM')
  const firstFrame = chunks.findIndex(({ type }) => type === 'ANMF')
  if (control < 0 || control > firstFrame) throw new Corrupt(firstFrame < 0 ? 'it has no pixels' : "its chunk 'ANIM' is missing")
  return chunks.filter(({ type }) => type === 'ANMF').map((chunk) => animationFrame(chunk, canvas))
}

function animationFrame({ data, at }: Chunk, canvas: Canvas): WebpFrame {
  if (data.length < frameHeaderBytes) throw new Corrupt('a frame is truncated')
  const [x, y] = [data.readUIntLE(0, 3) * 2, data.readUIntLE(3, 3) * 2]
  const [width, height] = [data.readUIntLE(6, 3) + 1, data.readUIntLE(9, 3) + 1]
  const frame = stillFrame(chunksOf(data, frameHeaderBytes, at))
  if (frame.width !== width || frame.height !== height) throw new Corrupt('a frame has contradictory sizes')
  if (x + width > canvas.width || y + height > canvas.height) throw new Corrupt('a frame exceeds the picture')
  return frame
}

const pixelChunks: ReadonlySet<string> = new Set(['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF'])

function partsOf(chunks: readonly Chunk[]): readonly Part[] {
  const parts = new PartList()
  for (const chunk of chunks) parts.add(...asPart(chunk))
  return parts.all
}

function asPart({ type, data, at }: Chunk): Part[] {
  if (pixelChunks.has(type)) return []
  const known = partKinds[type] ?? { kind: 'other' as const, where: `its chunk '${type.trim()}'` }
  return [{ ...known, bytes: data, at }]
}

interface WebpFrame {
  readonly width: number
  readonly height: number
}

/**
 * The header of a lossy frame: a key frame of VP8 that contains its first partition (RFC 6386, section 9.1).
 *
 * @throws Corrupt
 */
function readLossy(data: Buffer): WebpFrame {
  const damaged = () => new Corrupt('the header of its pixels is damaged')
  if (data.length < 10) throw damaged()
  const tag = data.readUIntLE(0, 3)
  const isKeyFrame = (tag & 1) === 0
  const firstPartitionBytes = tag >> 5
  if (!isKeyFrame || data.readUIntBE(3, 3) !== 0x9d012a) throw damaged()
  if (10 + firstPartitionBytes > data.length) throw new Corrupt('it is truncated')
  const [width, height] = [data.readUInt16LE(6) & 0x3fff, data.readUInt16LE(8) & 0x3fff]
  if (width === 0 || height === 0) throw damaged()
  return { width, height }
}

/**
 * The header of a lossless frame: a signature, then width and height minus one in 14 bits each (RFC 9649, section 3.4).
 *
 * @throws Corrupt
 */
function readLossless(data: Buffer): WebpFrame {
  if (data.length < 5 || data[0] !== 0x2f) throw new Corrupt('the header of its pixels is damaged')
  const bits = data.readUInt32LE(1)
  if (bits >>> 29 !== 0) throw new Corrupt('the header of its pixels is damaged')
  return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 }
}
