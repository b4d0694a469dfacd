import { KiB } from '@airlock/domain'

const firstBytes = 64 * KiB

/** One part of an object, filled from chunks of any size. */
export class PartBuffer {
  readonly #capacity: number
  readonly #wholeRoom: () => Buffer
  #room: Buffer
  #filled = 0

  /**
   * @param room the initial memory
   * @param capacity the size of a whole part, in bytes
   * @param wholeRoom allocates memory for a whole part, when the initial memory is full
   */
  constructor(room: Buffer, capacity: number, wholeRoom: () => Buffer) {
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

  /** The memory of the part, if it has the size of a whole part and can be reused. */
  get room(): Buffer | null {
    return this.#room.byteLength === this.#capacity ? this.#room : null
  }

  /** Copies as much of the chunk from `offset` on as fits. @returns the number of bytes */
  fill(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(chunk.byteLength - offset, this.#capacity - this.#filled)
    if (this.#filled + taken > this.#room.byteLength) this.#moveToWholeRoom()
    this.#room.set(chunk.subarray(offset, offset + taken), this.#filled)
    this.#filled += taken
    return taken
  }

  #moveToWholeRoom(): void {
    const whole = this.#wholeRoom()
    whole.set(this.bytes)
    this.#room = whole
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
    return new PartBuffer(Buffer.allocUnsafeSlow(Math.min(firstBytes, this.#partBytes)), this.#partBytes, this.#wholeRoom)
  }

  next(): PartBuffer {
    return new PartBuffer(this.#wholeRoom(), this.#partBytes, this.#wholeRoom)
  }

  /** Returns memory to the pool. The part must not be read any more, not even by the socket of a failed attempt. */
  giveBack({ room }: PartBuffer): void {
    if (room !== null && this.#spare.length < this.#keep) this.#spare.push(room)
  }

  readonly #wholeRoom = (): Buffer => this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#partBytes)
}
