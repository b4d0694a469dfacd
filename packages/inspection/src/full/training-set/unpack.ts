import { crc32, createInflateRaw } from 'node:zlib'
import { KiB } from '@airlock/domain'
import { Corrupt, quoted } from '../bad-bytes.ts'
import type { Archive, ArchiveEntry } from './directory.ts'

const stepBytes = 256 * KiB
const deflated = 8

/**
 * Unpacks one entry into memory. What comes is counted as it comes: the directory's word for its size is a bound, not a fact.
 *
 * @param entry of no more unpacked bytes than the caller wants in memory
 * @throws Corrupt when it is not whole, or longer than it says
 */
export async function unpack(archive: Archive, entry: ArchiveEntry): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of entry.method === deflated ? inflated(archive, entry) : packed(archive, entry)) {
    length += piece.length
    if (length > entry.unpackedBytes) throw new Corrupt(`the entry ${quoted(entry.name)} unpacks to more than it says`)
    pieces.push(piece)
  }
  const bytes = Buffer.concat(pieces)
  if (length !== entry.unpackedBytes) throw new Corrupt(`the entry ${quoted(entry.name)} unpacks to less than it says`)
  if (crc32(bytes) !== entry.crc32) throw new Corrupt(`the entry ${quoted(entry.name)} has a wrong checksum`)
  return bytes
}

async function* packed({ bytes }: Archive, { dataStart, dataEnd }: ArchiveEntry): AsyncGenerator<Buffer> {
  for (let at = dataStart; at < dataEnd; at += stepBytes) yield Buffer.from(await bytes(at, Math.min(stepBytes, dataEnd - at)))
}

async function* inflated(archive: Archive, entry: ArchiveEntry): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw()
  const fed = feed(inflate, packed(archive, entry))
  try {
    for await (const piece of inflate) yield piece
    await fed
  } catch (cause) {
    throw isZlib(cause) ? new Corrupt(`the entry ${quoted(entry.name)} does not unpack`, { cause }) : cause
  } finally {
    inflate.destroy()
    await fed.catch(() => {})
  }
  if (inflate.bytesWritten !== entry.packedBytes) throw new Corrupt(`the entry ${quoted(entry.name)} has bytes behind what is packed`)
}

const isZlib = (error: unknown): boolean => /^(?:Z_|ERR_ZLIB)/.test(String((error as NodeJS.ErrnoException).code))

/** What the source throws ends the unpacking with that, and not with an error of zlib. */
async function feed(inflate: ReturnType<typeof createInflateRaw>, pieces: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (inflate.destroyed) return
      if (!inflate.write(piece)) await room(inflate)
    }
    if (!inflate.destroyed) inflate.end()
  } catch (error) {
    inflate.destroy(error as Error)
  }
}

function room(inflate: ReturnType<typeof createInflateRaw>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      inflate.off('drain', done).off('close', done)
      resolve()
    }
    inflate.once('drain', done).once('close', done)
  })
}
