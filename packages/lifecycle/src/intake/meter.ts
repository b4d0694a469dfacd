import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { AirlockError } from '@airlock/domain'
import { headBytes } from '@airlock/inspection/head'

/** Counts and hashes the bytes that are read of a file. Several readers may share it, one after the other. */
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

export interface MeterOptions {
  filename: string
  limitBytes: number
  /** The SHA-256 that the client declared, in hexadecimal. */
  expectedHash?: string | null | undefined
}

/**
 * Reads a file once: first its head, then, if that is acceptable, all of it, counted and hashed. At most the head and one chunk are in memory.
 *
 * The source stream stays open, so that the owner of the request can read on after a refused file.
 */
export class Meter {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #tally: Tally
  /** The chunks that `peek` has read. */
  readonly #first: Uint8Array[] = []

  constructor(bytes: Readable, tally: Tally) {
    this.#chunks = bytes.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
    this.#tally = tally
  }

  /** Reads the first bytes of the file. @returns at most 4100 bytes; fewer if the file is shorter */
  async peek(): Promise<Uint8Array> {
    let read = 0
    while (read < headBytes) {
      const chunk = await this.#next()
      if (chunk === null) break
      read += chunk.byteLength
      this.#first.push(chunk)
    }
    return Buffer.concat(this.#first, Math.min(read, headBytes))
  }

  /** The whole file as a stream, which fails as soon as the file exceeds its maximum, or at its end if it has another hash than declared. */
  stream(options: MeterOptions): Readable {
    return readableWithoutWaiting(this.#metered(options))
  }

  /** Stops reading, without waiting for a silent source. Must be called in the end, however far the file has been read. */
  close(): void {
    this.#chunks.return?.()
  }

  async *#metered({ filename, limitBytes, expectedHash }: MeterOptions): AsyncGenerator<Uint8Array> {
    yield* this.#first.splice(0) // so that they do not stay in memory
    for (let chunk = await this.#next(); chunk !== null; chunk = await this.#next()) {
      if (this.#tally.sizeBytes > limitBytes) throw new AirlockError('file_too_large', { filename, limitBytes })
      yield chunk
    }
    if (expectedHash && expectedHash !== this.#tally.contentHash()) throw new AirlockError('digest_mismatch', { filename })
  }

  async #next(): Promise<Uint8Array | null> {
    const { done, value } = await this.#chunks.next()
    if (done) return null
    this.#tally.add(value)
    return value
  }
}

/**
 * Like `Readable.from`, except that `destroy` does not wait for the source, which may stay silent for as long as its sender likes. When the
 * store fails, the stream ends at once.
 */
function readableWithoutWaiting(passing: AsyncGenerator<Uint8Array>): Readable {
  return new Readable({
    read() {
      passing.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error: Error) => this.destroy(error),
      )
    },
    destroy(error, ended) {
      passing.return(undefined).catch(() => {}) // the stream has already failed
      ended(error)
    },
  })
}
