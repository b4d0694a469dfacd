import { type MediaType, refusal } from '@airlock/domain'
import { Corrupt } from '../corrupt.ts'
import type { Inspector } from '../inspect.ts'
import { readFully } from '../read-fully.ts'
import { decodeEveryPixel, type PictureHeader, readHeader } from './decode.ts'
import { walkPng } from './png.ts'

/** Formats that a decoder alone does not read to their end. */
const walkers: Partial<Record<MediaType, (bytes: Buffer) => void>> = {
  'image/png': walkPng,
}

/**
 * Reads a JPEG, PNG or WebP: its structure, its header, then, if the header keeps within the limits, every pixel of every frame.
 *
 * The whole file is in memory meanwhile, which the size limit of its kind bounds.
 */
export const inspectPicture: Inspector = async (source, { filename, mediaType }, limits) => {
  const bytes = await readFully(source, 0, source.size)
  walkers[mediaType]?.(bytes)
  const header = await readHeader(bytes)
  if (header.mediaType !== mediaType) throw new Corrupt('its header is of another format')

  const { width, height, frames } = header
  if (frames > limits.maxFrames) return { ok: false, refusal: refusal('too_many_frames', { filename, frames, limit: limits.maxFrames }) }
  const pixels = width * height * frames
  if (pixels > limits.maxPixels)
    return { ok: false, refusal: refusal('too_many_pixels', { filename, pixels, limitPixels: limits.maxPixels }) }
  await decodeEveryPixel(bytes, header, limits.maxDecodeSeconds)
  return { ok: true, mediaType, facts: factsOf(header) }
}

const factsOf = ({ width, height, frames, orientation, hasAlpha, colourSpace, bitsPerSample }: PictureHeader) => ({
  width,
  height,
  frames,
  orientation,
  has_alpha: hasAlpha,
  colour_space: colourSpace,
  bits_per_sample: bitsPerSample,
})
