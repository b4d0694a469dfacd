import { createHash } from 'node:crypto'

/** Counts and hashes the bytes that are read of a file. Several readers may share it. */
export class Tally {
  sizeBytes = 0
  readonly #hash = createHash('sha256')

  add(chunk: Uint8Array): void {
    this.sizeBytes += chunk.byteLength
    this.#hash.update(chunk)
  }

  /** The SHA-256 of all bytes so far, in hexadecimal. */
  contentHash(): string {
    return this.#hash.copy().digest('hex')
  }
}
