import { type Facts, type MediaType, type Refusal, refusal } from '@airlock/domain'
import { Corrupt } from '../bad-bytes.ts'
import type { Inspector } from '../inspector.ts'
import type { InspectionLimits } from '../limits.ts'
import { readFully } from '../read-fully.ts'
import { searchSuspicious } from '../suspicious/search.ts'
import type { Anatomy, Part } from './anatomy.ts'
import { decodeEveryPixel, type PictureHeader, readHeader } from './decode.ts'
import { hasLocation } from './exif.ts'
import { walkJpeg } from './jpeg.ts'
import { countBlocks } from './jpeg-blocks.ts'
import { walkPng } from './png.ts'
import { countPngPixels } from './png-pixels.ts'
import { explainTrailing } from './trailing.ts'
import { walkWebp } from './webp.ts'

/** A format's own reader: how it is followed from its first byte to its last, and what of its pixels is counted before they are decoded. */
interface PictureFormat {
  readonly walk: (bytes: Buffer) => { anatomy: Anatomy; count: () => void | Promise<void> }
}

const formats: Partial<Record<MediaType, PictureFormat>> = {
  'image/jpeg': {
    walk(bytes) {
      const anatomy = walkJpeg(bytes)
      const count = () => {
        for (const scan of anatomy.sequential) countBlocks(bytes, scan)
      }
      return { anatomy, count }
    },
  },
  'image/png': {
    walk(bytes) {
      const anatomy = walkPng(bytes)
      return { anatomy, count: () => countPngPixels(anatomy.header, anatomy.packed) }
    },
  },
  'image/webp': { walk: (bytes) => ({ anatomy: walkWebp(bytes), count: () => {} }) },
}

/**
 * Reads a JPEG, PNG or WebP: its structure, what stands behind its end, what could be run, and then, if it keeps within the limits,
 * every pixel of every frame.
 *
 * The whole file is in memory meanwhile, which the size limit of its kind bounds.
 */
export const inspectPicture: Inspector = async (source, { filename, mediaType }, limits) => {
  const examined = await examinePicture(await readFully(source, 0, source.size), { filename, mediaType }, limits)
  if (!examined.ok) return examined
  const header = await soundHeader(examined, mediaType)
  await decodeEveryPixel(examined.decodable, header, limits.maxDecodeSeconds)
  return { ok: true, mediaType, facts: factsOf(header, examined.anatomy, examined.parts) }
}

/** A picture of which all is checked but what a decoder says of it. */
export interface ExaminedPicture {
  readonly ok: true
  readonly anatomy: Anatomy
  readonly parts: readonly Part[]
  /** What the decoder is to see of it. */
  readonly decodable: Buffer
}

/**
 * Checks everything of a picture that needs no decoder.
 *
 * @param onPixels told how many pixels it has, all frames together; what it throws ends the reading
 * @returns a refusal when it exceeds the limits
 * @throws BadBytes
 */
export async function examinePicture(
  bytes: Buffer,
  { filename, mediaType }: { filename: string; mediaType: MediaType },
  limits: InspectionLimits,
  onPixels: (pixels: number) => void = () => {},
): Promise<ExaminedPicture | { readonly ok: false; readonly refusal: Refusal }> {
  const format = formats[mediaType]
  if (!format) throw new Error(`${mediaType} is no picture`)
  const { anatomy, count } = format.walk(bytes)
  const tooLarge = beyondLimits(anatomy, filename, limits)
  if (tooLarge) return { ok: false, refusal: tooLarge }
  onPixels(anatomy.width * anatomy.height * anatomy.frames)
  const parts = [...anatomy.parts, ...(await explainTrailing(bytes, anatomy))]
  searchSuspicious(bytes, parts)
  await count()
  return { ok: true, anatomy, parts, decodable: withoutStrays(bytes, anatomy) }
}

/**
 * Decodes an examined picture of which no facts are wanted. The decoder's own reading of the header, which costs a fifth of a small picture, is
 * left out for a single frame: the loaders go by the signatures with which the structure begins, and decoding holds them to its size.
 *
 * @throws Corrupt
 */
export async function decodePicture(examined: ExaminedPicture, mediaType: MediaType, limits: InspectionLimits): Promise<void> {
  const size = examined.anatomy.frames === 1 ? examined.anatomy : await soundHeader(examined, mediaType)
  await decodeEveryPixel(examined.decodable, size, limits.maxDecodeSeconds)
}

/** By the picture's own header, before a decoder sees it. */
function beyondLimits({ width, height, frames }: Anatomy, filename: string, limits: InspectionLimits): Refusal | null {
  if (frames > limits.maxFrames) return refusal('too_many_frames', { filename, frames, limit: limits.maxFrames })
  const pixels = width * height * frames
  return pixels > limits.maxPixels ? refusal('too_many_pixels', { filename, pixels, limitPixels: limits.maxPixels }) : null
}

/** @throws Corrupt when the decoder reads another picture's header than the structure has */
async function soundHeader({ decodable, anatomy }: ExaminedPicture, mediaType: MediaType): Promise<PictureHeader> {
  const header = await readHeader(decodable)
  if (header.mediaType !== mediaType) throw new Corrupt('its header is of another format')
  if (header.width !== anatomy.width || header.height !== anatomy.height) throw new Corrupt('its header can be read in two ways')
  return header
}

/** The decoder warns of stray bytes, and any warning of it is a failure: so it sees the picture without those that the walk allowed. */
function withoutStrays(bytes: Buffer, { strays = [] }: Anatomy): Buffer {
  if (strays.length === 0) return bytes
  const starts = [0, ...strays.map(({ end }) => end)]
  return Buffer.concat(starts.map((start, i) => bytes.subarray(start, strays[i]?.start ?? bytes.length)))
}

const factsOf = (
  { width, height, orientation, hasAlpha, colourSpace, bitsPerSample }: PictureHeader,
  { frames }: Anatomy,
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
