import { KiB } from '@airlock/domain'

const firstBytes = 64 * KiB

/** One part of an object, filled from chunks of whatever size the network has. */
export class PartBuffer {
  readonly #capacity: number
  readonly #wholeRoom: () => Buffer
  #room: Buffer
  #filled = 0

  /**
   * @param room where the bytes go first
   * @param capacity the size of a whole part, in bytes
   * @param wholeRoom gives memory for a whole part, when the first room has got too small
   */
  constructor(room: Buffer, capacity: number, wholeRoom: () => Buffer) {
    this.#room = room
    this.#capacity = capacity
    this.#wholeRoom = wholeRoom
  }

  get isFull(): boolean {
    return this.#filled === this.#capacity
  }

  /** The bytes so far. The same memory: it may not be filled on while somebody reads. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#filled)
  }

  /** The memory behind the part, when it is of a part's full size and so worth keeping. */
  get room(): Buffer | null {
    return this.#room.byteLength === this.#capacity ? this.#room : null
  }

  /** Takes in what fits. @returns how many bytes of the chunk from `offset` on that was */
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
 * The memory that parts are gathered in, used again and again: fresh buffers for each part would wait for the garbage collector,
 * and the process would grow by many times what is in use.
 */
export class PartBuffers {
  readonly #partBytes: number
  readonly #keep: number
  readonly #spare: Buffer[] = []

  /**
   * @param partBytes the size of a part
   * @param keep parts whose memory is kept for later
   */
  constructor(partBytes: number, keep: number) {
    this.#partBytes = partBytes
    this.#keep = keep
  }

  /** The first part of an object starts small: many objects need no more. */
  first(): PartBuffer {
    return new PartBuffer(Buffer.allocUnsafeSlow(Math.min(firstBytes, this.#partBytes)), this.#partBytes, this.#wholeRoom)
  }

  next(): PartBuffer {
    return new PartBuffer(this.#wholeRoom(), this.#partBytes, this.#wholeRoom)
  }

  /** Only of a part that nobody reads any more, not even a socket of an attempt that failed. */
  giveBack({ room }: PartBuffer): void {
    if (room !== null && this.#spare.length < this.#keep) this.#spare.push(room)
  }

  readonly #wholeRoom = (): Buffer => this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#partBytes)
}
