import type { InspectionLimits } from '../inspector.ts'
import { ArchiveNotAllowed } from '../invalid-file.ts'

/** The number of pictures of the maximum size that pass in an archive of any size. */
const minPictures = 10

/**
 * Pixels per byte of the archive. The densest folder of real pictures that was measured has 25, most have 5 to 15; a thousand strongly compressed
 * photos of 24 megapixels in 500 MiB have 46; a picture of one colour can have millions. With 64 the largest archive is decoded within its limit
 * of an hour (docs/inspection.md).
 */
const pixelsPerByte = 64

const megapixels = (pixels: number): string => (pixels / 1_000_000).toFixed(1).replace(/\.0$/, '')

/**
 * Limits the pixels of all pictures in an archive together: the cost of decoding is proportional to pixels, and a limit per picture does not limit
 * the sum of ten thousand. It is proportional to the archive's size, so that causing more work requires sending more bytes.
 */
export class PixelBudget {
  readonly #limit: number
  #used = 0

  constructor(archiveBytes: number, { maxPixels }: Pick<InspectionLimits, 'maxPixels'>) {
    this.#limit = Math.max(minPictures * maxPixels, archiveBytes * pixelsPerByte)
  }

  /**
   * Counts a picture's pixels, according to its header, before they are decoded.
   *
   * @throws ArchiveNotAllowed if the limit is exceeded
   */
  take(pixels: number): void {
    this.#used += pixels
    if (this.#used <= this.#limit) return
    throw new ArchiveNotAllowed(
      `its pictures have more than ${megapixels(this.#limit)} megapixels in total, the maximum for an archive of its size`,
    )
  }
}
