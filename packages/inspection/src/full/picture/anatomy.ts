import { Corrupt } from '../bad-bytes.ts'

/** What a walk through a picture's structure finds, from its first byte to its last. No pixel is decoded for it. */
export interface Anatomy {
  /** As stored, before any orientation is applied. */
  readonly width: number
  readonly height: number
  readonly frames: number
  /** Where the picture ends: the first byte behind it. */
  readonly end: number
  /** Everything in it that is no pixel, in the file's order. */
  readonly parts: readonly Part[]
  /** A few bytes that belong to nothing and that every decoder skips, though some warn of them. */
  readonly strays?: readonly Stretch[]
}

/** Bytes of a file from `start` up to and without `end`. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** A piece of a picture that no decoder shows: a comment, a profile, what a camera noted. */
export interface Part {
  /** As the client reads it: "its EXIF data", "its chunk 'tEXt'". */
  readonly where: string
  readonly kind: 'text' | 'exif' | 'xmp' | 'profile' | 'pictures' | 'other'
  /**
   * Unpacked, where the file has it packed. That happens each time it is asked for, and nothing is kept: so hold the result no longer than it
   * is needed, and ask once.
   *
   * @throws Corrupt where the file has it packed, and it does not unpack or the file's parts unpack to more than they may together
   */
  readonly bytes: Buffer
  /** Where it stands in the file, in bytes from the start; for what is found by offsets. */
  readonly at: number
}

/** Parts of one picture. The longest colour profiles come in 255 segments; tiny parts cost memory and time far beyond their bytes. */
const maxParts = 5000

/** Pieces of any kind, pixels included. Some encoders write a chunk for each row. */
const maxPieces = 100_000

/** The parts of a picture, no more than a picture can need. */
export class PartList {
  readonly #parts: Part[] = []

  get all(): readonly Part[] {
    return this.#parts
  }

  /** @throws Corrupt when there are too many */
  add(...parts: readonly Part[]): void {
    if (this.#parts.length + parts.length > maxParts) throw new Corrupt(`it has more than ${maxParts} parts that are not pixels`)
    this.#parts.push(...parts)
  }
}

/** @throws Corrupt when a picture is in more pieces than any encoder makes of it */
export function assertFewPieces(count: number): void {
  if (count > maxPieces) throw new Corrupt(`it is in more than ${maxPieces} pieces`)
}

/** "13 bytes", "1 byte": a count in a sentence. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
