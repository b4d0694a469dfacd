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

/** Up to this many pixels a picture is decoded into memory, which costs a quarter less than to average it. */
const maxPixelsInMemory = 4_000_000

/** Colours that are put out as they are; others would be converted pixel by pixel. */
const plainColours: readonly string[] = ['srgb', 'b-w']

/**
 * Decodes all pixels and keeps none.
 *
 * Those of a small picture are put out as they are. Those of any other are averaged into one: so the picture streams through, a few lines in
 * memory at a time (100 Mpx of JPEG: 25 MiB, raw output: 300). The extract of the whole picture is what keeps sharp from asking the decoder
 * for a smaller one, which would skip most of the work.
 *
 * @throws Corrupt when a pixel is missing or damaged
 */
export async function decodeEveryPixel(bytes: Buffer, header: PictureHeader, maxSeconds: number): Promise<void> {
  const { width, height, frames, bitsPerSample, colourSpace } = header
  const fitsInMemory = width * height * frames <= maxPixelsInMemory
  const picture = sharp(bytes, strictly)
  const pixels =
    fitsInMemory && bitsPerSample <= 8 && plainColours.includes(colourSpace)
      ? picture
      : picture.extract({ left: 0, top: 0, width, height }).resize(1, 1, { fit: 'fill' })
  await pixels.raw().timeout({ seconds: maxSeconds }).toBuffer().catch(explain)
}
