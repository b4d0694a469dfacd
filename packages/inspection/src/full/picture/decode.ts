import type { MediaType } from '@airlock/domain'
import sharp, { type SharpOptions } from 'sharp'
import { Corrupt } from '../invalid-file.ts'

// libvips' switches apply to the whole process, where other operations may be running: so they are set once, when this module loads.
// Only the loaders for accepted formats stay enabled. They are selected by signature, and none of them can be made to read a file.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({ operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'] })
// One thread per picture, and no cache: memory depends only on how many jobs run at once.
sharp.concurrency(1)
sharp.cache(false)

/** What a picture's header declares, as the decoder reads it. */
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

/** Any warning of a decoder is a failure. Colour profiles are ignored: their parser says nothing about whether the picture is complete. */
const strict: SharpOptions = { failOn: 'warning', animated: true, ignoreIcc: true, limitInputPixels: false }

/**
 * Reads only the header, without decoding pixels.
 *
 * @throws Corrupt if the header is invalid
 */
export async function readHeader(bytes: Buffer): Promise<PictureHeader> {
  const found = await sharp(bytes, strict).metadata().catch(rethrowDecoderError)
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

/** The size of a picture according to its structure. */
export interface PictureSize {
  readonly width: number
  /** Of one frame. */
  readonly height: number
  readonly frames: number
}

/**
 * Decodes all pixels and discards them, a few lines in memory at a time, whatever the picture's size (100 megapixels of JPEG: 25 MiB).
 *
 * Of a single frame only the last column is extracted: the decoder works line by line, so it decodes each line completely for it. The column and
 * the limit on pixels also verify that the decoder reads the same size as the structure: a picture that it reads as smaller has no such column, and
 * one that it reads as larger exceeds the limit. Both fail before a pixel is decoded.
 *
 * An animation is averaged into one pixel. Extracting the whole picture first prevents sharp from requesting a smaller one from the decoder,
 * which would skip most of the work.
 *
 * @throws Corrupt if a pixel is missing or damaged, or the decoder reads another size
 */
export async function decodeEveryPixel(bytes: Buffer, { width, height, frames }: PictureSize, maxSeconds: number): Promise<void> {
  const pixels =
    frames === 1
      ? sharp(bytes, { ...strict, limitInputPixels: width * height }).extract({ left: width - 1, top: 0, width: 1, height })
      : sharp(bytes, strict).extract({ left: 0, top: 0, width, height }).resize(1, 1, { fit: 'fill' })
  await pixels.raw().timeout({ seconds: maxSeconds }).toBuffer().catch(rethrowDecoderError)
}

/** Messages of decoders, and the reasons that clients see instead; the first match counts. `null`: not a fault of the file. */
const reasons: readonly (readonly [message: RegExp, reason: string | null])[] = [
  [/out of memory|insufficient memory|unable to allocate|temporary file|no space left|timeout/i, null],
  [/pixel limit|bad extract area/i, 'its header is ambiguous'],
  [/premature end|not enough data|unable to parse image/i, 'it is truncated'],
  [/corrupt header|unsupported image format/i, 'its header is damaged'],
  [/^/, 'its pixels are damaged'],
]

/**
 * Rethrows an error of a decoder: as `Corrupt` if the picture is the cause, otherwise unchanged.
 *
 * @throws always
 */
export function rethrowDecoderError(error: Error): never {
  const reason = reasons.find(([message]) => message.test(error.message))?.[1]
  throw reason ? new Corrupt(reason, { cause: error }) : error
}
