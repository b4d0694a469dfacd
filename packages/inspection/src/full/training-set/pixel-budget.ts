import { ArchiveNotAllowed } from '../bad-bytes.ts'
import type { InspectionLimits } from '../limits.ts'

/** So many pictures of the largest size pass in any archive, however small. */
const picturesAtLeast = 10

/**
 * Pixels for each byte of the archive. Of the folders of real pictures that were measured the densest has 25, most have 5 to 15; a thousand
 * photos of 24 megapixels in 500 MiB, which is hard on their quality, have 46; a picture of one colour can have millions. At 64 the largest
 * archive is decoded within the hour that it has (docs/inspection.md).
 */
const pixelsPerByte = 64

const megapixels = (pixels: number): string => (pixels / 1_000_000).toFixed(1).replace(/\.0$/, '')

/**
 * What the pictures of one archive may have in pixels, all together: decoding costs by the pixel, and a limit for each of ten thousand pictures
 * is none for all of them. It grows with the archive, so whoever wants more work done must send more.
 */
export class PixelBudget {
  readonly #limit: number
  #used = 0

  constructor(archiveBytes: number, { maxPixels }: Pick<InspectionLimits, 'maxPixels'>) {
    this.#limit = Math.max(picturesAtLeast * maxPixels, archiveBytes * pixelsPerByte)
  }

  /**
   * Takes a picture's pixels, by its header, before they are decoded.
   *
   * @throws ArchiveNotAllowed when there is no room for them
   */
  take(pixels: number): void {
    this.#used += pixels
    if (this.#used <= this.#limit) return
    throw new ArchiveNotAllowed(
      `its pictures have more than ${megapixels(this.#limit)} megapixels in all, the maximum for an archive of its size`,
    )
  }
}
