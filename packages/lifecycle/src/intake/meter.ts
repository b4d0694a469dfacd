import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { ChunkReader } from '@airlock/async'
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
  readonly #chunks: ChunkReader
  readonly #tally: Tally
  /** The chunks that `peek` has read. */
  readonly #first: Uint8Array[] = []

  constructor(bytes: Readable, tally: Tally) {
    this.#chunks = new ChunkReader(bytes)
    this.#tally = tally
  }

  /** Reads the first bytes of the file. @returns at most 4100 bytes; fewer if the file is shorter */
  async peek(): Promise<Uint8Array> {
    let read = 0
    while (read < headBytes) {
      const chunk = await this.#chunks.next()
      if (chunk === null) break
      this.#tally.add(chunk)
      read += chunk.byteLength
      this.#first.push(chunk)
    }
    return Buffer.concat(this.#first, Math.min(read, headBytes))
  }

  /** The whole file as a stream, which fails as soon as the file exceeds its maximum, or at its end if it has another hash than declared. */
  stream(options: MeterOptions): Readable {
    // Destroying it does not wait for the source, which may stay silent for as long as its sender likes.
    const stream: Readable = new Readable({
      read: () => {
        try {
          const first = this.#first.shift() // so that it does not stay in memory
          if (first !== undefined) return void stream.push(first)
          const next = this.#chunks.next()
          if (next instanceof Promise) next.then(pass).catch(fail)
          else pass(next)
        } catch (error) {
          fail(error as Error)
        }
      },
    })
    const pass = (chunk: Uint8Array | null) => stream.push(this.#metered(chunk, options))
    const fail = (error: Error) => stream.destroy(error)
    return stream
  }

  /** Stops reading, without waiting for a silent source. Must be called in the end, however far the file has been read. */
  close(): void {
    this.#chunks.close()
  }

  #metered(chunk: Uint8Array | null, { filename, limitBytes, expectedHash }: MeterOptions): Uint8Array | null {
    if (chunk !== null) {
      this.#tally.add(chunk)
      if (this.#tally.sizeBytes > limitBytes) throw new AirlockError('file_too_large', { filename, limitBytes })
    } else if (expectedHash && expectedHash !== this.#tally.contentHash()) throw new AirlockError('digest_mismatch', { filename })
    return chunk
  }
}
