import { type Facts, type MediaType, type Refusal, refusal } from '@airlock/domain'
import { readFully } from './byte-range.ts'
import type { InspectionLimits, Inspector } from './inspector.ts'
import { Corrupt } from './invalid-file.ts'
import { decodeEveryPixel, type PictureHeader, readHeader } from './picture/decode.ts'
import { hasLocation } from './picture/exif.ts'
import { parseJpeg } from './picture/jpeg.ts'
import { countBlocks } from './picture/jpeg-blocks.ts'
import type { Part, PictureStructure } from './picture/picture-structure.ts'
import { parsePng } from './picture/png.ts'
import { countPngPixels } from './picture/png-pixels.ts'
import { parseTrailers } from './picture/trailing.ts'
import { parseWebp } from './picture/webp.ts'
import { provenanceOfPicture } from './provenance/provenance.ts'
import { searchSuspicious } from './suspicious/search.ts'

/** The parser of a format, and its check that all pixels are present, which runs before they are decoded. */
interface PictureFormat {
  readonly parse: (bytes: Buffer) => { structure: PictureStructure; countPixels: () => void | Promise<void> }
}

const formats: Partial<Record<MediaType, PictureFormat>> = {
  'image/jpeg': {
    parse(bytes) {
      const structure = parseJpeg(bytes)
      const countPixels = () => {
        for (const scan of structure.sequential) countBlocks(bytes, scan)
      }
      return { structure, countPixels }
    },
  },
  'image/png': {
    parse(bytes) {
      const structure = parsePng(bytes)
      return { structure, countPixels: () => countPngPixels(structure.header, structure.packed) }
    },
  },
  'image/webp': { parse: (bytes) => ({ structure: parseWebp(bytes), countPixels: () => {} }) },
}

/**
 * Inspects a JPEG, PNG or WebP: its structure, the bytes after its end, content that could be executed, and then, if it is within the limits,
 * every pixel of every frame.
 *
 * The whole file is in memory meanwhile; the size limit of its kind bounds it.
 */
export const inspectPicture: Inspector = async (source, { filename, mediaType }, limits) => {
  const bytes = await readFully(source, 0, source.size)
  const examined = await examinePicture(bytes, { filename, mediaType }, limits)
  if (!examined.ok) return examined
  const header = await matchingHeader(examined, mediaType)
  await decodeEveryPixel(examined.decodable, header, limits.maxDecodeSeconds)
  const provenance = await provenanceOfPicture(bytes, mediaType, examined.structure.parts, limits.provenance.trustPem)
  return { ok: true, mediaType, facts: { ...factsOf(header, examined.structure, examined.parts), provenance } }
}

/** A picture that has passed all checks that need no decoder. */
export interface ExaminedPicture {
  readonly ok: true
  readonly structure: PictureStructure
  readonly parts: readonly Part[]
  /** The bytes for the decoder. */
  readonly decodable: Buffer
}

/**
 * Runs all checks of a picture that need no decoder.
 *
 * @param onPixels called with the number of pixels in all frames; an error that it throws ends the inspection
 * @returns a refusal if the picture exceeds the limits
 * @throws InvalidFile
 */
export async function examinePicture(
  bytes: Buffer,
  { filename, mediaType }: { filename: string; mediaType: MediaType },
  limits: InspectionLimits,
  onPixels: (pixels: number) => void = () => {},
): Promise<ExaminedPicture | { readonly ok: false; readonly refusal: Refusal }> {
  const format = formats[mediaType]
  if (!format) throw new Error(`${mediaType} is not a picture format`)
  const { structure, countPixels } = format.parse(bytes)
  const tooLarge = limitRefusal(structure, filename, limits)
  if (tooLarge) return { ok: false, refusal: tooLarge }
  onPixels(structure.width * structure.height * structure.frames)
  const parts = [...structure.parts, ...(await parseTrailers(bytes, structure))]
  searchSuspicious(bytes, parts)
  await countPixels()
  return { ok: true, structure, parts, decodable: withoutStrayBytes(bytes, structure) }
}

/**
 * Decodes an examined picture whose facts are not needed. Reading the header with the decoder, a fifth of the cost of a small picture, is
 * skipped for a single frame: the signature selects the loader, and decoding verifies the size.
 *
 * @throws Corrupt
 */
export async function decodePicture(examined: ExaminedPicture, mediaType: MediaType, limits: InspectionLimits): Promise<void> {
  const size = examined.structure.frames === 1 ? examined.structure : await matchingHeader(examined, mediaType)
  await decodeEveryPixel(examined.decodable, size, limits.maxDecodeSeconds)
}

/** Compares the size in the header with the limits, before a decoder reads it. */
function limitRefusal({ width, height, frames }: PictureStructure, filename: string, limits: InspectionLimits): Refusal | null {
  if (frames > limits.maxFrames) return refusal('too_many_frames', { filename, frames, limit: limits.maxFrames })
  const pixels = width * height * frames
  return pixels > limits.maxPixels ? refusal('too_many_pixels', { filename, pixels, limitPixels: limits.maxPixels }) : null
}

/** @throws Corrupt if the decoder reads another format or size than the structure declares */
async function matchingHeader({ decodable, structure }: ExaminedPicture, mediaType: MediaType): Promise<PictureHeader> {
  const header = await readHeader(decodable)
  if (header.mediaType !== mediaType) throw new Corrupt('its header belongs to another format')
  if (header.width !== structure.width || header.height !== structure.height) throw new Corrupt('its header is ambiguous')
  return header
}

/** Removes tolerated stray bytes: the decoder would warn about them, and any warning is a failure. */
function withoutStrayBytes(bytes: Buffer, { strays = [] }: PictureStructure): Buffer {
  if (strays.length === 0) return bytes
  const starts = [0, ...strays.map(({ end }) => end)]
  return Buffer.concat(starts.map((start, i) => bytes.subarray(start, strays[i]?.start ?? bytes.length)))
}

const factsOf = (
  { width, height, orientation, hasAlpha, colourSpace, bitsPerSample }: PictureHeader,
  { frames }: PictureStructure,
  parts: readonly Part[],
): Facts => ({
  width,
  height,
  frames,
  orientation,
  has_alpha: hasAlpha,
  colour_space: colourSpace,
  bits_per_sample: bitsPerSample,
  has_location: parts.some((part) => part.kind === 'exif' && hasLocation(part.bytes)),
})
