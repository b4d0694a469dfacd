import type { ByteRange } from '../byte-range.ts'
import { Corrupt } from '../invalid-file.ts'

/** The structure of a picture from its first byte to its last, found without decoding pixels. */
export interface PictureStructure {
  /** As stored, before any orientation is applied. */
  readonly width: number
  readonly height: number
  readonly frames: number
  /** Offset of the first byte after the picture. */
  readonly end: number
  /** Everything in it but pixels, in the order of the file. */
  readonly parts: readonly Part[]
  /** Tolerated stray bytes, which every decoder skips, some with a warning. */
  readonly strays?: readonly ByteRange[]
}

/** A part of a picture that decoders do not show: a comment, a profile, a camera's metadata. */
export interface Part {
  /** For messages: "its EXIF data", "its chunk 'tEXt'". */
  readonly where: string
  readonly kind: 'text' | 'exif' | 'xmp' | 'profile' | 'pictures' | 'other'
  /**
   * The unpacked contents. Compressed ones are unpacked on each access and not cached: access it once, and release the result early.
   *
   * @throws Corrupt if it can't be unpacked, or if all parts of the file together unpack to too much
   */
  readonly bytes: Buffer
  /** Offset of its contents in the file, for what refers to it by offset. */
  readonly at: number
}

/** Parts of one picture. The longest colour profiles have 255 segments; tiny parts cost much more memory and time than their bytes. */
const maxParts = 5000

/** Chunks of one picture, pixels included. Some encoders write a chunk for each row. */
const maxChunks = 100_000

/** The parts of a picture, limited in number. */
export class PartList {
  readonly #parts: Part[] = []

  get all(): readonly Part[] {
    return this.#parts
  }

  /** @throws Corrupt if there are too many */
  add(...parts: readonly Part[]): void {
    if (this.#parts.length + parts.length > maxParts) throw new Corrupt(`it has more than ${maxParts} parts that are not pixels`)
    this.#parts.push(...parts)
  }
}

/** @throws Corrupt if a picture has more chunks than any encoder writes */
export function assertFewChunks(count: number): void {
  if (count > maxChunks) throw new Corrupt(`it has more than ${maxChunks} chunks`)
}

/** A count with its noun: "13 bytes", "1 byte". */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
