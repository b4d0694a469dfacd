import { crc32 } from 'node:zlib'
import { resolvesWithin } from '@airlock/async'
import { KiB } from '@airlock/domain'

const firstBytes = 64 * KiB

/** One part of an object, filled from chunks of any size. */
export class PartBuffer {
  readonly #capacity: number
  readonly #outgrow: (room: Buffer) => Buffer
  #room: Buffer
  #filled = 0
  #crc32 = 0

  /**
   * @param room the initial memory
   * @param capacity the size of a whole part, in bytes
   * @param outgrow exchanges the initial memory, when it is full, for that of a whole part
   */
  constructor(room: Buffer, capacity: number, outgrow: (room: Buffer) => Buffer) {
    this.#room = room
    this.#capacity = capacity
    this.#outgrow = outgrow
  }

  get isFull(): boolean {
    return this.#filled === this.#capacity
  }

  /** The bytes so far, in the same memory: do not fill it while they are being read. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#filled)
  }

  /** The CRC32 of the bytes so far, in base64, as S3 expects it. */
  get crc32(): string {
    const number = Buffer.allocUnsafe(4)
    number.writeUInt32BE(this.#crc32)
    return number.toString('base64')
  }

  /** The memory of the part. */
  get room(): Buffer {
    return this.#room
  }

  /** Copies as much of the chunk from `offset` on as fits. @returns the number of bytes */
  fill(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(chunk.byteLength - offset, this.#capacity - this.#filled)
    if (this.#filled + taken > this.#room.byteLength) this.#moveToWholeRoom()
    const piece = offset === 0 && taken === chunk.byteLength ? chunk : chunk.subarray(offset, offset + taken)
    this.#room.set(piece, this.#filled)
    // now, while the piece is in the processor's cache
    this.#crc32 = crc32(piece, this.#crc32)
    this.#filled += taken
    return taken
  }

  #moveToWholeRoom(): void {
    const { bytes } = this
    this.#room = this.#outgrow(this.#room)
    this.#room.set(bytes)
  }
}

/** How long the next part of an object waits for memory that another part returns. */
const waitMs = 100

/**
 * A pool of memory for parts: new buffers for each part would wait for the garbage collector, and the process would grow to many times the memory
 * in use.
 *
 * When as many parts as the pool keeps are in use, the next part of an object waits a little for one of them. With a fast store this halves the
 * memory, and the bytes stay in the processor's cache; with a slow one it costs `waitMs` per part.
 */
export class PartBuffers {
  readonly #partBytes: number
  readonly #keep: number
  readonly #spare: Buffer[] = []
  readonly #spareFirst: Buffer[] = []
  /** Whole parts whose memory is in use. */
  #inUse = 0
  /** In the order of their calls. */
  readonly #waiting = new Set<(room: Buffer) => void>()

  /**
   * @param partBytes the size of a part; more than 64 KiB
   * @param keep how many parts' memory is kept for reuse
   */
  constructor(partBytes: number, keep: number) {
    this.#partBytes = partBytes
    this.#keep = keep
  }

  /** The first part of an object starts small, because many objects are small. */
  first(): PartBuffer {
    const room = this.#spareFirst.pop() ?? Buffer.allocUnsafeSlow(firstBytes)
    return new PartBuffer(room, this.#partBytes, this.#outgrow)
  }

  /** Waits for memory, but at most `waitMs`. */
  async next(): Promise<PartBuffer> {
    const room = this.#inUse < this.#keep ? this.#wholeRoom() : await this.#returnedRoom()
    return new PartBuffer(room, this.#partBytes, this.#outgrow)
  }

  /**
   * Ends the use of a part; call it once for each part.
   *
   * @param reuse whether nobody reads its memory any more, not even the socket of a failed attempt. Otherwise the memory is left to the garbage
   *   collector.
   */
  end({ room }: PartBuffer, { reuse }: { reuse: boolean }): void {
    if (room.byteLength !== this.#partBytes) {
      if (reuse) this.#keepFirst(room)
      return
    }
    const [next] = this.#waiting
    if (reuse && next !== undefined) {
      this.#waiting.delete(next)
      next(room)
      return
    }
    this.#inUse--
    if (reuse && this.#spare.length < this.#keep) this.#spare.push(room)
  }

  readonly #outgrow = (outgrown: Buffer): Buffer => {
    this.#keepFirst(outgrown)
    return this.#wholeRoom()
  }

  #keepFirst(room: Buffer): void {
    if (this.#spareFirst.length < this.#keep) this.#spareFirst.push(room)
  }

  #wholeRoom(): Buffer {
    this.#inUse++
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#partBytes)
  }

  async #returnedRoom(): Promise<Buffer> {
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    this.#waiting.add(resolve)
    await resolvesWithin(promise, { ms: waitMs })
    const isStillWaiting = this.#waiting.delete(resolve)
    return isStillWaiting ? this.#wholeRoom() : promise
  }
}
