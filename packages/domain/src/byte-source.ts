/**
 * Random access to bytes without holding all of them in memory: a quarantined object, a file, a buffer in a test.
 *
 * All reads of one source see the same object: implementations pin it (in S3 by `If-Match`) and throw when it has changed.
 */
export interface ByteSource {
  /** Total bytes. */
  readonly size: number
  /**
   * Reads `length` bytes from `offset`; fewer only at the end of the source.
   *
   * @param offset bytes from the start, 0 ≤ offset
   * @param length bytes wanted, 0 < length
   */
  read(offset: number, length: number): Promise<Uint8Array>
  /** All bytes in order, in pieces of any size. */
  stream(): AsyncIterable<Uint8Array>
}

/** A source over bytes in memory. */
export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: async (offset, length) => bytes.subarray(offset, Math.min(bytes.byteLength, offset + length)),
    stream: async function* () {
      yield bytes
    },
  }
}
