import { samples } from '@airlock/testkit/samples'
import sharp from 'sharp'

/** A file to upload: its head, and then random bytes up to its size. */
export interface BenchFile {
  readonly name: string
  readonly mediaType: string
  readonly sizeBytes: number
  readonly head: Buffer
  /** Further fields of Airlock's form. */
  readonly fields: Readonly<Record<string, string>>
}

const KiB = 1024
const MiB = 1024 * KiB

const whole = (bytes: Buffer, mediaType: string, fields: BenchFile['fields']): BenchFile => ({
  name: mediaType === 'video/mp4' ? 'film.mp4' : 'picture.jpg',
  mediaType,
  sizeBytes: bytes.length,
  head: bytes,
  fields,
})

/** The photo of the samples: 60 kB, 0.8 megapixels. */
export const smallPicture = (): BenchFile => whole(samples.photo.bytes, 'image/jpeg', { asset_type: 'brand_image' })

/**
 * A JPEG with the structure of a photo: noise that was blurred, so that it compresses like one.
 *
 * @param blur in pixels; more of it makes a smaller file
 */
export async function picture(width: number, height: number, blur: number): Promise<BenchFile> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const blurred = await sharp({ create: { width, height, channels: 3, background: 'grey', noise } })
    .blur(blur)
    .jpeg({ quality: 85 })
    .toBuffer()
  return whole(blurred, 'image/jpeg', { asset_type: 'brand_image' })
}

/** A short film of a few frames, and a film of this size, whose rest is free space (ISO 14496-12, section 8.1.2). */
export const smallVideo = (): BenchFile => whole(samples.scene.bytes, 'video/mp4', videoFields)

export function largeVideo(sizeBytes: number): BenchFile {
  const { bytes } = samples.scene
  const free = Buffer.alloc(8)
  free.writeUInt32BE(sizeBytes - bytes.length)
  free.write('free', 4)
  return { ...whole(Buffer.concat([bytes, free]), 'video/mp4', videoFields), sizeBytes }
}

const videoFields = { asset_type: 'generated_video', project_id: '00000000-0000-4000-8000-000000000001' }

/** Files of which only the heads are real: enough for a gateway. */
export const headOnly = {
  picture: (sizeBytes: number): BenchFile => ({ ...smallPicture(), sizeBytes, head: samples.photo.bytes.subarray(0, 4 * KiB) }),
  video: (sizeBytes: number): BenchFile => ({ ...smallVideo(), sizeBytes, head: samples.scene.bytes.subarray(0, 4 * KiB) }),
}

export const sizes = { KiB, MiB }
