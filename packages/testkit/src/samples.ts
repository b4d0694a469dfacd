import { readFileSync } from 'node:fs'
import { claimedTypeOf } from '@airlock/domain'

const folder = new URL('../../../examples/samples/', import.meta.url)

export interface Sample {
  readonly filename: string
  readonly declaredType: string
  readonly bytes: Buffer
}

const readSample = (file: string) => readFileSync(new URL(file.split('/').map(encodeURIComponent).join('/'), folder))

const shipped = (file: string, declaredType: string): Sample => ({
  filename: file.slice(file.indexOf('/') + 1),
  declaredType,
  bytes: readSample(file),
})

/** Good and bad sample files. */
export const samples = {
  photo: shipped('good/Harbour at dusk.jpg', 'image/jpeg'),
  logo: shipped('good/logo.png', 'image/png'),
  scene: shipped('good/scene-01.mp4', 'video/mp4'),
  boats: shipped('good/boats.zip', 'application/zip'),
  /** Only the head of a picture: all bytes after it are missing. */
  brokenPhoto: shipped('bad/half a photo.jpg', 'image/jpeg'),
  pictureNamedVideo: shipped('bad/holiday.mp4', 'video/mp4'),
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

/** A free-space box, which may follow the end of a video (ISO 14496-12, section 8.1.2). */
export function freeBox(text: string, sizeBytes = 8 + text.length): Buffer {
  const box = Buffer.alloc(sizeBytes)
  box.writeUInt32BE(sizeBytes)
  box.write(`free${text}`, 4)
  return box
}

/** A valid MP4 of many MiB. */
export const largeScene = (freeBytes = 12 * 1024 * 1024): Sample => ({
  ...samples.scene,
  filename: 'large.mp4',
  bytes: Buffer.concat([samples.scene.bytes, freeBox('', freeBytes)]),
})

/** A file of `examples/samples` with its row in `samples.json`. */
export interface ListedSample {
  readonly file: string
  readonly asset_type: string
  /** `completed`, or the code under which it must be refused or rejected. */
  readonly expected: string
  /** The type that browsers declare for its extension. */
  readonly mediaType: string
  readonly bytes: Buffer<ArrayBuffer>
}

export const listedSamples = (): ListedSample[] =>
  (JSON.parse(readFileSync(new URL('samples.json', folder), 'utf8')) as ListedSample[]).map((sample) => ({
    ...sample,
    mediaType: claimedTypeOf(sample.file) ?? 'application/octet-stream',
    bytes: readSample(sample.file),
  }))
