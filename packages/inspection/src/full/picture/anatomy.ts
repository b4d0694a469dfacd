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
  /** Unpacked, where the file has it packed. */
  readonly bytes: Buffer
  /** Where it stands in the file, in bytes from the start; for what is found by offsets. */
  readonly at: number
}

/** "13 bytes", "1 byte": a count in a sentence. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
