import { type ByteSource, KiB, MiB } from '@airlock/domain'
import { readFully } from '../byte-range.ts'
import { Corrupt } from '../invalid-file.ts'

/** A box of an MP4 (ISO/IEC 14496-12, section 4.2). */
export interface Box {
  readonly type: string
  /** Offset of its header. */
  readonly start: number
  /** Offset of its contents. */
  readonly body: number
  /** Offset of the first byte after it. */
  readonly end: number
}

/** Bytes per read from the store: neighbouring headers and small movie boxes need no further reads. */
const windowBytes = 64 * KiB
/** Maximum size of a box that is fetched in one read: the movie box of an hour of video. */
const maxLoadedBytes = 3 * MiB

/** Zeros after the last box, which recorders and downloads leave. */
const maxPaddingBytes = 16 * MiB

const shortHeaderBytes = 8
const longHeaderBytes = 16

/** Reads boxes through a window of the file, and at most a limited number of them. */
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
   * The boxes between two offsets, in order.
   *
   * @throws Corrupt if a box is incomplete or extends beyond its parent, or there are too many boxes
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
   * The top-level boxes of the file, without the padding that may follow them.
   *
   * @throws Corrupt as `between`
   */
  async *topLevel(): AsyncGenerator<Box> {
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
   * @throws Corrupt if it has fewer
   */
  async contents(box: Box, length: number): Promise<Buffer> {
    if (box.end - box.body < length) throw new Corrupt(`the box '${box.type}' is too short`)
    return this.bytes(box.body, length)
  }

  /**
   * Whether a header box stores its times in 64 bits (version 1) or in 32 (version 0). There are no other versions of `mvhd`, `mehd`, `tkhd` and `mdhd`
   * (ISO/IEC 14496-12, section 8), and ffmpeg refuses them.
   *
   * @throws Corrupt if it has another version
   */
  async hasLongTimes(box: Box): Promise<boolean> {
    const version = (await this.contents(box, 1))[0] ?? 0
    if (version > 1) throw new Corrupt(`the box '${box.type}' has the unknown version ${version}`)
    return version === 1
  }

  /** Fetches a whole box, if it is not too large, so that its contents need no further reads. */
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
    if (limit - start < shortHeaderBytes) throw new Corrupt(`there is an incomplete box at byte ${start}`)
    const header = await this.bytes(start, Math.min(longHeaderBytes, limit - start))
    const type = typeOf(header, start)
    const { headerBytes, size } = measure(header, limit - start)
    if (size < headerBytes) throw new Corrupt(`the box '${type}' has an invalid size`)
    if (start + size > limit)
      throw new Corrupt(`the box '${type}' extends beyond ${limit === this.fileBytes ? 'the end of the file' : 'its parent'}`)
    return { type, start, body: start + headerBytes, end: start + size }
  }
}

/** Four printable characters; Apple's types contain the copyright sign. */
function typeOf(header: Buffer, start: number): string {
  const type = header.toString('latin1', 4, 8)
  if (!/^[ -~\u00a9]{4}$/.test(type)) throw new Corrupt(`there is no valid box at byte ${start}`)
  return type
}

/** Size 1 means that a 64-bit size follows the type, size 0 that the box extends to the end. */
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
 * The boxes in a buffer, in order. Up to seven zeros may follow them, which old programs leave.
 *
 * @param parent name of the box whose contents the buffer is
 * @throws Corrupt
 */
export function* boxesIn(bytes: Buffer, parent: string): Generator<LoadedBox> {
  let at = 0
  while (at < bytes.length) {
    const left = bytes.length - at
    if (left < shortHeaderBytes) {
      if (bytes.subarray(at).every((byte) => byte === 0)) return
      throw new Corrupt(`the box '${parent}' ends inside of a child box`)
    }
    const type = bytes.toString('latin1', at + 4, at + 8)
    const { headerBytes, size } = measure(bytes.subarray(at, at + longHeaderBytes), left)
    if (!/^[ -~\u00a9]{4}$/.test(type)) throw new Corrupt(`the box '${parent}' contains an invalid box`)
    if (size < headerBytes || size > left) throw new Corrupt(`the box '${type}' extends beyond its parent`)
    yield { type, contents: bytes.subarray(at + headerBytes, at + size) }
    at += size
  }
}
