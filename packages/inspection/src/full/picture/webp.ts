import { Corrupt } from '../bad-bytes.ts'
import { type Anatomy, assertFewPieces, type Part, PartList } from './anatomy.ts'
import { readLossless, readLossy, type WebpFrame } from './webp-frame.ts'

const riffHeaderBytes = 12
const chunkHeaderBytes = 8
const frameHeaderBytes = 16

const flags = { animation: 0x02 } as const

/** As some editors write the name of XMP; decoders skip it like any other that they do not know. */
const misspeltXmp = 'XMP\0'

/** Chunks with something else than pixels. */
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
 * Follows the chunks of a WebP from RIFF to the end that it names (RFC 9649, section 2), and into the frames of an animation.
 *
 * @throws Corrupt
 */
export function walkWebp(bytes: Buffer): Anatomy {
  const end = chunkHeaderBytes + bytes.readUInt32LE(4)
  if (end > bytes.length) throw new Corrupt('it ends before the picture does')
  if (end < riffHeaderBytes + chunkHeaderBytes) throw new Corrupt('its header is damaged')
  const chunks = chunksOf(bytes.subarray(0, end), riffHeaderBytes, 0)
  const first = chunks[0]
  const canvas = first?.type === 'VP8X' ? readCanvas(first.data) : null
  const frames = canvas?.animated ? animationFrames(chunks, canvas) : [stillFrame(chunks)]
  const { width, height } = canvas ?? (frames[0] as WebpFrame)
  const still = frames[0]
  if (canvas && !canvas.animated && (still?.width !== width || still.height !== height)) {
    throw new Corrupt('its header and its pixels say different sizes')
  }
  return { width, height, frames: frames.length, end, parts: partsOf(chunks) }
}

/** Chunks up to the end; an odd one is followed by a byte to make it even. */
function chunksOf(bytes: Buffer, from: number, base: number): Chunk[] {
  const chunks: Chunk[] = []
  let at = from
  while (at < bytes.length) {
    if (at + chunkHeaderBytes > bytes.length) throw new Corrupt(`there is no whole chunk at byte ${base + at}`)
    const type = bytes.toString('latin1', at, at + 4)
    const length = bytes.readUInt32LE(at + 4)
    const data = at + chunkHeaderBytes
    if (!/^[ -~]{4}$/.test(type) && type !== misspeltXmp) throw new Corrupt(`there is no chunk at byte ${base + at}`)
    if (data + length > bytes.length) throw new Corrupt(`its chunk '${type.trim()}' reaches beyond its end`)
    assertFewPieces(chunks.length + 1)
    chunks.push({ type, data: bytes.subarray(data, data + length), at: base + data })
    at = data + length + (length % 2)
  }
  return chunks
}

/** Flags, and the size of the whole picture in 24 bits each, less one (section 2.7.1). */
function readCanvas(data: Buffer): Canvas {
  if (data.length < 10) throw new Corrupt('its header is damaged')
  return {
    width: data.readUIntLE(4, 3) + 1,
    height: data.readUIntLE(7, 3) + 1,
    animated: ((data[0] ?? 0) & flags.animation) !== 0,
  }
}

/** Its pixels, and where they are lossy, its transparency before them. */
function stillFrame(chunks: readonly Chunk[]): WebpFrame {
  const pixels = chunks.filter(({ type }) => type === 'VP8 ' || type === 'VP8L')
  const [only, second] = pixels
  if (!only) throw new Corrupt('it has no pixels')
  if (second) throw new Corrupt('it has its pixels twice')
  const alphas = chunks.filter(({ type }) => type === 'ALPH')
  if (alphas.length > 1) throw new Corrupt('it has its transparency twice')
  const alpha = alphas[0]
  if (alpha && (chunks.indexOf(alpha) > chunks.indexOf(only) || alpha.data.length < 2))
    throw new Corrupt('its transparency is out of place')
  if (chunks.some(({ type }) => type === 'ANMF' || type === 'ANIM')) throw new Corrupt('it has frames and is no animation')
  return only.type === 'VP8L' ? readLossless(only.data) : readLossy(only.data)
}

/** Each frame in a chunk of its own: where it goes, how long it stays, then its own chunks (section 2.7.1.1). */
function animationFrames(chunks: readonly Chunk[], canvas: Canvas): WebpFrame[] {
  const control = chunks.findIndex(({ type }) => type === 'ANIM')
  const firstFrame = chunks.findIndex(({ type }) => type === 'ANMF')
  if (control < 0 || control > firstFrame) throw new Corrupt(firstFrame < 0 ? 'it has no pixels' : "its chunk 'ANIM' is missing")
  return chunks.filter(({ type }) => type === 'ANMF').map((chunk) => animationFrame(chunk, canvas))
}

function animationFrame({ data, at }: Chunk, canvas: Canvas): WebpFrame {
  if (data.length < frameHeaderBytes) throw new Corrupt('a frame of it is cut short')
  const [x, y] = [data.readUIntLE(0, 3) * 2, data.readUIntLE(3, 3) * 2]
  const [width, height] = [data.readUIntLE(6, 3) + 1, data.readUIntLE(9, 3) + 1]
  const frame = stillFrame(chunksOf(data, frameHeaderBytes, at))
  if (frame.width !== width || frame.height !== height) throw new Corrupt('a frame of it says different sizes')
  if (x + width > canvas.width || y + height > canvas.height) throw new Corrupt('a frame of it does not fit into the picture')
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
