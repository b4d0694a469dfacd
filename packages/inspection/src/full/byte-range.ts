import type { ByteSource } from '@airlock/domain'

/** Bytes of a file from `start` up to, but not including, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads exactly `length` bytes from `offset`.
 *
 * @param length bytes; offset + length ≤ source.size
 * @throws Error if the source returns another number: a fault of the source, not of the file
 */
export async function readFully(source: ByteSource, offset: number, length: number): Promise<Buffer> {
  const bytes = await source.read(offset, length)
  if (bytes.byteLength !== length) throw new Error(`The source returned ${bytes.byteLength} bytes from ${offset} instead of ${length}`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
