import { crc32 } from 'node:zlib'
import { KiB } from '@airlock/domain'

const firstBytes = 64 * KiB

/** One part of an object, filled from chunks of any size. */
export class PartBuffer {
  readonly #capacity: number
  readonly #wholeRoom: (outgrown?: Buffer) => Buffer
  #room: Buffer
  #filled = 0
  #crc32 = 0

  /**
   * @param room the initial memory
   * @param capacity the size of a whole part, in bytes
   * @param wholeRoom exchanges the initial memory, when it is full, for that of a whole part
   */
  constructor(room: Buffer, capacity: number, wholeRoom: (outgrown?: Buffer) => Buffer) {
    this.#room = room
    this.#capacity = capacity
    this.#wholeRoom = wholeRoom
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
    this.#room = this.#wholeRoom(this.#room)
    this.#room.set(bytes)
  }
}

/**
 * A pool of memory for parts: new buffers for each part would wait for the garbage collector, and the process would grow to many times the memory
 * in use.
 */
export class PartBuffers {
  readonly #partBytes: number
  readonly #keep: number
  readonly #spare: Buffer[] = []
  readonly #spareFirst: Buffer[] = []

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
    return new PartBuffer(room, this.#partBytes, this.#wholeRoom)
  }

  next(): PartBuffer {
    return new PartBuffer(this.#wholeRoom(), this.#partBytes, this.#wholeRoom)
  }

  /** Returns memory to the pool. The part must not be read any more, not even by the socket of a failed attempt. */
  giveBack({ room }: PartBuffer): void {
    this.#keepForReuse(room)
  }

  #keepForReuse(room: Buffer): void {
    const spare = room.byteLength === this.#partBytes ? this.#spare : this.#spareFirst
    if (spare.length < this.#keep) spare.push(room)
  }

  readonly #wholeRoom = (outgrown?: Buffer): Buffer => {
    const whole = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#partBytes)
    if (outgrown !== undefined) this.#keepForReuse(outgrown)
    return whole
  }
}
