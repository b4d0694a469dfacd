import type { Hash } from 'node:crypto'
import { MiB } from '@airlock/domain'
import type { ByteRange } from '../byte-range.ts'
import type { Box, BoxReader } from '../video/box-reader.ts'

/** A video, for its hash. */
export interface HashedVideo {
  readonly boxes: BoxReader
  readonly topLevel: readonly Box[]
  readonly credentials: readonly Box[]
  readonly onProgress: () => void
}

/** Bytes per read: each is a message to another process, and perhaps a request to the store. */
const readBytes = MiB

/** Adds bytes of the file to a hash. */
export async function hashRange({ boxes, onProgress }: HashedVideo, hash: Hash, { start, end }: ByteRange): Promise<void> {
  for (let at = start; at < end; at += readBytes) {
    hash.update(await boxes.bytes(at, Math.min(readBytes, end - at)))
    release(at - start)
    onProgress()
  }
}

/** Bytes after which garbage is collected. */
const garbageBytes = 8 * MiB

/** Frees the bytes that were read: V8 would wait until there are more than 64 MiB of them. An inspector process exposes `gc`. */
function release(readSoFar: number): void {
  if (readSoFar % garbageBytes < readBytes) globalThis.gc?.({ type: 'minor' })
}

/** Whether the contents of a box are zeros. */
export async function hasOnlyZeros({ boxes, onProgress }: HashedVideo, { body, end }: Box): Promise<boolean> {
  for (let at = body; at < end; at += readBytes) {
    const bytes = await boxes.bytes(at, Math.min(readBytes, end - at))
    if (bytes.some((byte) => byte !== 0)) return false
    release(at - body)
    onProgress()
  }
  return true
}
