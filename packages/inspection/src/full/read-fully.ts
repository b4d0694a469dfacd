import type { ByteSource } from '@airlock/domain'

/**
 * The bytes from `offset`, exactly `length` of them.
 *
 * @param length bytes; offset + length ≤ source.size
 * @throws Error when the source gives fewer, which is the source's fault and not the file's
 */
export async function readFully(source: ByteSource, offset: number, length: number): Promise<Buffer> {
  const bytes = await source.read(offset, length)
  if (bytes.byteLength !== length) throw new Error(`The source gave ${bytes.byteLength} bytes from ${offset} on, not ${length}`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
