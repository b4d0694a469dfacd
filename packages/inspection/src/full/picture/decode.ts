import type { MediaType } from '@airlock/domain'
import sharp, { type SharpOptions } from 'sharp'
import { explain } from './explain.ts'

// libvips' switches are the process's, and other operations may be under way whenever they are turned: so once, as this module loads.
// Only the loaders for what we take in are left, each of which starts by its own signature; none can be talked into reading a file.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({ operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'] })
// One thread a picture, nothing kept between pictures: memory follows from how many jobs run at once, and from nothing else.
sharp.concurrency(1)
sharp.cache(false)

/** What a picture says of itself. */
export interface PictureHeader {
  readonly mediaType: MediaType | null
  /** As stored, before EXIF orientation is applied. */
  readonly width: number
  /** Of one frame. */
  readonly height: number
  readonly frames: number
  /** EXIF's 1 to 8, or null. */
  readonly orientation: number | null
  readonly hasAlpha: boolean
  readonly colourSpace: string
  readonly bitsPerSample: number
}

const mediaTypeOf: Readonly<Record<string, MediaType>> = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp' }

const bitsOf: Readonly<Record<string, number>> = { uchar: 8, ushort: 16 }

/** Any warning of a decoder is a failure. Colour profiles are another parser, with nothing to say about whether a picture is whole. */
const strictly: SharpOptions = { failOn: 'warning', animated: true, ignoreIcc: true, limitInputPixels: false }

/**
 * Reads the header alone; no pixel is decoded, whatever size it claims.
 *
 * @throws Corrupt when there is no sound header
 */
export async function readHeader(bytes: Buffer): Promise<PictureHeader> {
  const found = await sharp(bytes, strictly).metadata().catch(explain)
  return {
    mediaType: mediaTypeOf[found.format] ?? null,
    width: found.width,
    height: found.pageHeight ?? found.height,
    frames: found.pages ?? 1,
    orientation: found.orientation ?? null,
    hasAlpha: found.hasAlpha,
    colourSpace: found.space,
    bitsPerSample: found.bitsPerSample ?? bitsOf[found.depth] ?? 8,
  }
}

/** What a picture's structure says of its size, in pixels and frames. */
export interface PictureSize {
  readonly width: number
  /** Of one frame. */
  readonly height: number
  readonly frames: number
}

/**
 * Decodes all pixels and keeps none, a few lines in memory at a time, whatever the picture's size (100 Mpx of JPEG: 25 MiB).
 *
 * Of a single frame the last column is kept: the decoder works line by line, so each line is decoded whole for it. The column and the limit on
 * pixels together hold the decoder to the size that the structure says: a picture that it reads as smaller has no such column, and one that it reads as
 * larger exceeds the limit. Both are refused before a pixel is decoded.
 *
 * An animation is averaged into one pixel. The extract of the whole picture is what keeps sharp from asking the decoder for a smaller one,
 * which would skip most of the work.
 *
 * @throws Corrupt when a pixel is missing or damaged, or the decoder reads another size
 */
export async function decodeEveryPixel(bytes: Buffer, { width, height, frames }: PictureSize, maxSeconds: number): Promise<void> {
  const pixels =
    frames === 1
      ? sharp(bytes, { ...strictly, limitInputPixels: width * height }).extract({ left: width - 1, top: 0, width: 1, height })
      : sharp(bytes, strictly).extract({ left: 0, top: 0, width, height }).resize(1, 1, { fit: 'fill' })
  await pixels.raw().timeout({ seconds: maxSeconds }).toBuffer().catch(explain)
}
