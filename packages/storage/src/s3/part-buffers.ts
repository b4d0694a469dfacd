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

/** How long a part waits for memory that another part returns, in ms. */
const waitMs = 100

/**
 * A pool of memory for parts: new buffers for each part would wait for the garbage collector, and the process would grow to many times the memory
 * in use.
 */
export class PartBuffers {
  readonly #partBytes: number
  readonly #keep: number
  readonly #spare: Buffer[] = []
  readonly #spareFirst: Buffer[] = []
  /** Those who wait for memory, in the order of their calls. */
  readonly #waiting = new Set<(room: Buffer) => void>()

  /**
   * @param partBytes the size of a part
   * @param keep how many parts' memory is kept for reuse
   */
  constructor(partBytes: number, keep: number) {
    this.#partBytes = partBytes
    this.#keep = keep
  }

  /** The first part of an object starts small, because many objects are small. */
  first(): PartBuffer {
    const room = this.#spareFirst.pop() ?? Buffer.allocUnsafeSlow(Math.min(firstBytes, this.#partBytes))
    return new PartBuffer(room, this.#partBytes, this.#outgrow)
  }

  next(): PartBuffer {
    return new PartBuffer(this.#wholeRoom(), this.#partBytes, this.#outgrow)
  }

  /** Like `next`, but waits a little for memory that another part returns, before it takes new memory. */
  async nextReturned(): Promise<PartBuffer> {
    const room = this.#spare.length > 0 ? this.#wholeRoom() : await this.#returnedRoom()
    return new PartBuffer(room, this.#partBytes, this.#outgrow)
  }

  /** Returns memory to the pool. The part must not be read any more, not even by the socket of a failed attempt. */
  giveBack({ room }: PartBuffer): void {
    const [next] = this.#waiting
    if (next === undefined || room.byteLength !== this.#partBytes) {
      this.#keepForReuse(room)
      return
    }
    this.#waiting.delete(next)
    next(room)
  }

  readonly #outgrow = (outgrown: Buffer): Buffer => {
    this.#keepForReuse(outgrown)
    return this.#wholeRoom()
  }

  #keepForReuse(room: Buffer): void {
    const spare = room.byteLength === this.#partBytes ? this.#spare : this.#spareFirst
    if (spare.length < this.#keep) spare.push(room)
  }

  #wholeRoom(): Buffer {
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
