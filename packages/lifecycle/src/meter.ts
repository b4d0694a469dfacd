import { Readable } from 'node:stream'
import { AirlockError } from '@airlock/domain'
import { headBytes } from '@airlock/inspection/head'
import { Tally } from './tally.ts'

export interface MeterOptions {
  filename: string
  /** The SHA-256 that the client declared, in hexadecimal. */
  expectedHash?: string | null | undefined
  /** Counts and hashes the bytes. A caller that drains a refused file continues with it. */
  tally?: Tally | undefined
  /** Judges the first bytes (at most 4100) before any byte is passed on, and returns the maximum size of the file in bytes. */
  judge(head: Uint8Array): Promise<number>
}

/**
 * Counts and hashes the bytes that pass, and refuses a file as early as possible: when it is empty, its head is not acceptable, or it exceeds its
 * maximum. Its stream then fails with the reason.
 *
 * The source stream stays open, so that the owner of the request can read on after a refused file.
 */
export class Meter {
  readonly stream: Readable
  readonly #tally: Tally
  #contentHash = ''

  constructor(bytes: Readable, options: MeterOptions) {
    this.#tally = options.tally ?? new Tally()
    this.stream = readableWithoutWaiting(this.#passing(bytes, options))
  }

  get sizeBytes(): number {
    return this.#tally.sizeBytes
  }

  /** The SHA-256 of all bytes, in hexadecimal; empty until the end. */
  get contentHash(): string {
    return this.#contentHash
  }

  async *#passing(bytes: Readable, { filename, expectedHash, judge }: MeterOptions): AsyncGenerator<Uint8Array> {
    const head: Uint8Array[] = []
    let limitBytes: number | null = null
    for await (const chunk of bytes.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      this.#tally.add(chunk)
      if (limitBytes === null) {
        head.push(chunk)
        if (this.sizeBytes < headBytes) continue
        limitBytes = await this.#judged(head, judge)
      }
      if (this.sizeBytes > limitBytes) throw new AirlockError('file_too_large', { filename, limitBytes })
      if (head.length > 0) yield* head.splice(0)
      else yield chunk
    }
    if (this.sizeBytes === 0) throw new AirlockError('empty_file', { filename })
    if (limitBytes === null) {
      limitBytes = await this.#judged(head, judge)
      if (this.sizeBytes > limitBytes) throw new AirlockError('file_too_large', { filename, limitBytes })
    }
    this.#contentHash = this.#tally.contentHash()
    if (expectedHash && expectedHash !== this.#contentHash) throw new AirlockError('digest_mismatch', { filename })
    yield* head
  }

  #judged(head: Uint8Array[], judge: MeterOptions['judge']): Promise<number> {
    return judge(Buffer.concat(head).subarray(0, headBytes))
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
