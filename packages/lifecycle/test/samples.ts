import { readFileSync } from 'node:fs'
import { MiB } from '@airlock/domain'

const folder = new URL('../../../examples/samples/', import.meta.url)

const shipped = (file: string): Buffer => readFileSync(new URL(file.split('/').map(encodeURIComponent).join('/'), folder))

export interface Sample {
  readonly filename: string
  readonly declaredType: string
  readonly bytes: Buffer
}

/** Good and bad sample files. */
export const samples = {
  photo: { filename: 'Harbour at dusk.jpg', declaredType: 'image/jpeg', bytes: shipped('good/Harbour at dusk.jpg') },
  logo: { filename: 'logo.png', declaredType: 'image/png', bytes: shipped('good/logo.png') },
  scene: { filename: 'scene-01.mp4', declaredType: 'video/mp4', bytes: shipped('good/scene-01.mp4') },
  /** Only the head of a picture: all bytes after it are missing. */
  brokenPhoto: { filename: 'half a photo.jpg', declaredType: 'image/jpeg', bytes: shipped('bad/half a photo.jpg') },
  pictureNamedVideo: { filename: 'holiday.mp4', declaredType: 'video/mp4', bytes: shipped('bad/holiday.mp4') },
} as const satisfies Record<string, Sample>

/** A valid PNG of 1 × 1 pixel, shorter than a head. */
export const dot: Sample = {
  filename: 'dot.png',
  declaredType: 'image/png',
  bytes: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
}

/** Bytes of this size with the head of a JPEG, which is all that the gateway checks. */
export function jpegOf(sizeBytes: number): Sample {
  const bytes = Buffer.alloc(sizeBytes, 0x5a)
  bytes.set(samples.photo.bytes.subarray(0, Math.min(512, sizeBytes)))
  return { filename: 'large.jpg', declaredType: 'image/jpeg', bytes }
}

/** A valid MP4 of many MiB: the scene, followed by a free-space box (ISO 14496-12, section 8.1.2). */
export function largeScene(freeBytes = 12 * MiB): Sample {
  const free = Buffer.alloc(freeBytes)
  free.writeUInt32BE(freeBytes, 0)
  free.write('free', 4, 'latin1')
  return { ...samples.scene, filename: 'large.mp4', bytes: Buffer.concat([samples.scene.bytes, free]) }
}
