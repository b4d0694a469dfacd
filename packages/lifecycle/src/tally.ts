import { createHash } from 'node:crypto'

/** Counts and hashes what is read of a file, by whoever reads it. */
export class Tally {
  sizeBytes = 0
  readonly #hash = createHash('sha256')

  add(chunk: Uint8Array): void {
    this.sizeBytes += chunk.byteLength
    this.#hash.update(chunk)
  }

  /** SHA-256 of all that was read so far, in hexadecimal. */
  contentHash(): string {
    return this.#hash.copy().digest('hex')
  }
}
