import { type ByteSource, KiB, MiB } from '@airlock/domain'
import { Corrupt } from '../bad-bytes.ts'
import { readFully } from '../read-fully.ts'

/** A box of an MP4 (ISO/IEC 14496-12, section 4.2). */
export interface Box {
  readonly type: string
  /** Where its header begins, in bytes from the file's start. */
  readonly start: number
  /** Where its contents begin. */
  readonly body: number
  /** Where it ends: the first byte behind it. */
  readonly end: number
}

/** One read from the store fetches this much: neighbouring headers, and all of a small movie box, come along. */
const windowBytes = 64 * KiB
/** A box of up to this size is fetched in one read when its contents are wanted: the movie box of an hour of video. */
const maxLoadedBytes = 3 * MiB

/** Zeros behind the last box, as recorders and downloads leave them. */
const maxPaddingBytes = 16 * MiB

const shortHeaderBytes = 8
const longHeaderBytes = 16

/** Reads boxes in ranges, at most one window of the file in memory, and at most so many boxes in all. */
export class BoxReader {
  readonly #source: ByteSource
  #boxesLeft: number
  #window: { start: number; bytes: Buffer } = { start: 0, bytes: Buffer.alloc(0) }

  constructor(source: ByteSource, maxBoxes: number) {
    this.#source = source
    this.#boxesLeft = maxBoxes
  }

  get fileBytes(): number {
    return this.#source.size
  }

  /**
   * The boxes that lie between two offsets, in their order.
   *
   * @throws Corrupt when a box is not whole, reaches beyond its parent, or the budget of boxes is used up
   */
  async *between(start: number, end: number): AsyncGenerator<Box> {
    let offset = start
    while (offset < end) {
      const box = await this.#boxAt(offset, end)
      yield box
      offset = box.end
    }
  }

  /**
   * The outermost boxes of the file, up to the padding that may follow them.
   *
   * @throws Corrupt as `between` does
   */
  async *outermost(): AsyncGenerator<Box> {
    let offset = 0
    while (offset < this.fileBytes && !(await this.#onlyZerosFrom(offset))) {
      const box = await this.#boxAt(offset, this.fileBytes)
      yield box
      offset = box.end
    }
  }

  /**
   * The first bytes of a box's contents.
   *
   * @throws Corrupt when the box has fewer
   */
  async contents(box: Box, length: number): Promise<Buffer> {
    if (box.end - box.body < length) throw new Corrupt(`the box '${box.type}' is too short`)
    return this.bytes(box.body, length)
  }

  /** Fetches a box whole, if it is not too large, so that reading on in it costs no further reads. */
  async load(box: Box): Promise<void> {
    const length = box.end - box.start
    if (length <= maxLoadedBytes) await this.bytes(box.start, length)
  }

  /**
   * Bytes from anywhere in the file.
   *
   * @param length start + length ≤ fileBytes
   */
  async bytes(start: number, length: number): Promise<Buffer> {
    const at = start - this.#window.start
    if (at < 0 || at + length > this.#window.bytes.length) {
      const wanted = Math.min(Math.max(length, windowBytes), this.fileBytes - start)
      this.#window = { start, bytes: await readFully(this.#source, start, wanted) }
    }
    const from = start - this.#window.start
    return this.#window.bytes.subarray(from, from + length)
  }

  async #onlyZerosFrom(start: number): Promise<boolean> {
    if (this.fileBytes - start > maxPaddingBytes) return false
    for (let at = start; at < this.fileBytes; at += windowBytes) {
      const bytes = await this.bytes(at, Math.min(at === start ? shortHeaderBytes : windowBytes, this.fileBytes - at))
      if (bytes.some((byte) => byte !== 0)) return false
      if (at === start) at += shortHeaderBytes - windowBytes
    }
    return true
  }

  async #boxAt(start: number, limit: number): Promise<Box> {
    if (this.#boxesLeft-- <= 0) throw new Corrupt('it has too many boxes')
    if (limit - start < shortHeaderBytes) throw new Corrupt(`there is no whole box at byte ${start}`)
    const header = await this.bytes(start, Math.min(longHeaderBytes, limit - start))
    const type = typeOf(header, start)
    const { headerBytes, size } = measure(header, limit - start)
    if (size < headerBytes) throw new Corrupt(`the box '${type}' has an impossible size`)
    if (start + size > limit)
      throw new Corrupt(`the box '${type}' reaches beyond ${limit === this.fileBytes ? 'the end of the file' : 'its parent'}`)
    return { type, start, body: start + headerBytes, end: start + size }
  }
}

/** Four printable characters; the copyright sign stands in Apple's. Anything else is no box but bytes of another kind. */
function typeOf(header: Buffer, start: number): string {
  const type = header.toString('latin1', 4, 8)
  if (!/^[ -~\u00a9]{4}$/.test(type)) throw new Corrupt(`there is no box at byte ${start}`)
  return type
}

/** A size of 1 stands for 64 bits behind the type, a size of 0 for all that is left. */
function measure(header: Buffer, left: number): { headerBytes: number; size: number } {
  const size = header.readUInt32BE(0)
  if (size === 0) return { headerBytes: shortHeaderBytes, size: left }
  if (size !== 1) return { headerBytes: shortHeaderBytes, size }
  if (header.length < longHeaderBytes) return { headerBytes: longHeaderBytes, size: 0 }
  return { headerBytes: longHeaderBytes, size: Number(header.readBigUInt64BE(8)) }
}

/** A box in memory. */
export interface LoadedBox {
  readonly type: string
  readonly contents: Buffer
}

/**
 * The boxes in a buffer, in their order. Up to seven zeros at the end, as old writers leave them, are no box.
 *
 * @param parent as people call what the buffer is the contents of
 * @throws Corrupt
 */
export function* boxesIn(bytes: Buffer, parent: string): Generator<LoadedBox> {
  let at = 0
  while (at < bytes.length) {
    const left = bytes.length - at
    if (left < shortHeaderBytes) {
      if (bytes.subarray(at).every((byte) => byte === 0)) return
      throw new Corrupt(`the box '${parent}' ends in the middle of another`)
    }
    const type = bytes.toString('latin1', at + 4, at + 8)
    const { headerBytes, size } = measure(bytes.subarray(at, at + longHeaderBytes), left)
    if (!/^[ -~\u00a9]{4}$/.test(type)) throw new Corrupt(`there is no box where there should be one in '${parent}'`)
    if (size < headerBytes || size > left) throw new Corrupt(`the box '${type}' reaches beyond its parent`)
    yield { type, contents: bytes.subarray(at + headerBytes, at + size) }
    at += size
  }
}
