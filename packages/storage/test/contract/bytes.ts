import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ByteSource } from '@airlock/domain'

/** Pseudo-random bytes, the same in each run. */
export function someBytes(length: number, seed = 1): Buffer {
  const block = createHash('shake256', { outputLength: 64 * 1024 })
    .update(String(seed))
    .digest()
  const bytes = Buffer.alloc(length)
  for (let offset = 0; offset < length; offset += block.byteLength) {
    block.writeUInt32BE(offset)
    block.copy(bytes, offset)
  }
  return bytes
}

/** A stream of the bytes in chunks of the given size. */
export const streamOf = (bytes: Buffer, chunkBytes = 64 * 1024): Readable => Readable.from(chunksOf(bytes, chunkBytes))

/** A stream that fails after half of the bytes. */
export const streamFailingHalfway = (bytes: Buffer, error: Error): Readable =>
  Readable.from(
    (function* () {
      yield* chunksOf(bytes.subarray(0, bytes.byteLength / 2), 64 * 1024)
      throw error
    })(),
  )

/** A stream that stalls after half of the bytes, without ending. */
export function streamStalledHalfway(bytes: Buffer): Readable {
  const stream = new Readable({ read() {} })
  for (const chunk of chunksOf(bytes.subarray(0, bytes.byteLength / 2), 64 * 1024)) stream.push(chunk)
  return stream
}

function* chunksOf(bytes: Buffer, chunkBytes: number): Generator<Buffer> {
  for (let offset = 0; offset < bytes.byteLength; offset += chunkBytes) yield bytes.subarray(offset, offset + chunkBytes)
}

/** Reads all bytes of a source in order. */
export async function bytesOf(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.stream()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
