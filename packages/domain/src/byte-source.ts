/**
 * Bytes that can be looked at without holding them all: a quarantined object, a file, a buffer in a test.
 *
 * Every read of one source sees the same object: implementations pin it (in S3 by `If-Match`) and throw when it changed.
 */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number
  /**
   * The bytes from `offset`, `length` of them, or fewer only where the source ends.
   *
   * @param offset bytes from the start, 0 ≤ offset
   * @param length bytes wanted, 0 < length
   */
  read(offset: number, length: number): Promise<Uint8Array>
  /** All bytes from first to last, in pieces of the source's own choosing. */
  stream(): AsyncIterable<Uint8Array>
}

/** A source over bytes that are in memory already. */
export function bytesInMemory(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: async (offset, length) => bytes.subarray(offset, Math.min(bytes.byteLength, offset + length)),
    stream: async function* () {
      yield bytes
    },
  }
}
