/** EXIF is a TIFF without pictures: a byte order, then directories of 12-byte entries with a tag, a type, a count, and a value or its offset. */
export class Tiff {
  readonly #bytes: Buffer
  readonly #little: boolean

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#little = bytes[0] === 0x49
  }

  /** Whether the bytes begin with a TIFF header. */
  get isTiff(): boolean {
    return this.#bytes.length >= 8 && /^(?:II\*\0|MM\0\*)$/.test(this.#bytes.toString('latin1', 0, 4))
  }

  get firstDirectory(): number {
    return this.u32(4)
  }

  /**
   * The entries of a directory, as far as it is complete: cameras and editors write many damaged ones, which programs ignore.
   *
   * @param at offset from the TIFF's start
   */
  entries(at: number): { at: number; tag: number; type: number; count: number; value: number }[] {
    if (at < 8 || at + 2 > this.#bytes.length) return []
    const count = Math.min(this.u16(at), Math.floor((this.#bytes.length - at - 2) / 12))
    return Array.from({ length: count }, (_, i) => {
      const entry = at + 2 + i * 12
      return { at: entry, tag: this.u16(entry), type: this.u16(entry + 2), count: this.u32(entry + 4), value: this.u32(entry + 8) }
    })
  }

  /** Offset of the directory after the one at `at`, for example the thumbnail's; 0 if there is none. */
  nextDirectory(at: number): number {
    return this.u32(at + 2 + this.u16(at) * 12)
  }

  u16(at: number): number {
    if (at + 2 > this.#bytes.length) return 0
    return this.#little ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at)
  }

  u32(at: number): number {
    if (at + 4 > this.#bytes.length) return 0
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at)
  }
}

const gpsDirectory = 0x8825
/** GPSLatitude and GPSLongitude; a GPS directory may also contain only a time. */
const position: readonly number[] = [2, 4]

/** Whether EXIF contains a GPS position. The position itself is never read: it is personal data. */
export function hasLocation(exif: Buffer): boolean {
  const from = exif.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : exif[0] === 0 ? 1 : 0
  const tiff = new Tiff(exif.subarray(from))
  if (!tiff.isTiff) return false
  const gps = tiff.entries(tiff.firstDirectory).find(({ tag }) => tag === gpsDirectory)
  return gps !== undefined && tiff.entries(gps.value).some(({ tag, count }) => position.includes(tag) && count > 0)
}
