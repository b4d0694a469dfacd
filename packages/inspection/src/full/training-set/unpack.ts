import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib'
import { KiB, MiB } from '@airlock/domain'
import { Corrupt, quoted } from '../invalid-file.ts'
import type { ArchiveReader } from './archive-reader.ts'
import type { ArchiveEntry } from './directory.ts'

const stepBytes = 256 * KiB
const deflated = 8
/** Up to this size an entry is unpacked in one synchronous call, which costs a tenth of a stream. */
const maxSyncBytes = MiB

/**
 * Unpacks one entry into memory. Bytes are counted while they are unpacked: the declared size is only a bound.
 *
 * @param entry whose declared size fits into memory
 * @param dataStart offset of its data
 * @throws Corrupt if it is incomplete or larger than declared; errors of the source
 */
export async function unpack(reader: ArchiveReader, entry: ArchiveEntry, dataStart: number): Promise<Buffer> {
  const bytes = await unpacked(reader, entry, dataStart)
  if (bytes.length > entry.unpackedBytes) throw tooLarge(entry)
  if (bytes.length !== entry.unpackedBytes) throw new Corrupt(`the entry ${quoted(entry.name)} unpacks to less than its declared size`)
  if (crc32(bytes) !== entry.crc32) throw new Corrupt(`the entry ${quoted(entry.name)} has a wrong checksum`)
  return bytes
}

const tooLarge = ({ name }: ArchiveEntry) => new Corrupt(`the entry ${quoted(name)} unpacks to more than its declared size`)

async function unpacked(reader: ArchiveReader, entry: ArchiveEntry, dataStart: number): Promise<Buffer> {
  const { method, packedBytes, unpackedBytes } = entry
  if (method === deflated && Math.max(packedBytes, unpackedBytes) <= maxSyncBytes) {
    return inflatedSync(entry, await reader.bytes(dataStart, packedBytes))
  }
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of method === deflated ? inflated(reader, entry, dataStart) : packed(reader, entry, dataStart)) {
    length += piece.length
    if (length > unpackedBytes) throw tooLarge(entry)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function inflatedSync(entry: ArchiveEntry, bytes: Buffer): Buffer {
  try {
    const { buffer, engine } = inflateRawSync(bytes, { maxOutputLength: Math.max(1, entry.unpackedBytes), info: true }) as unknown as {
      buffer: Buffer
      engine: { bytesWritten: number }
    }
    if (engine.bytesWritten !== bytes.length) throw bytesAfter(entry)
    return buffer
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(entry)
    throw isZlib(cause) ? doesNotUnpack(entry, cause) : cause
  }
}

async function* packed(reader: ArchiveReader, { packedBytes }: ArchiveEntry, dataStart: number): AsyncGenerator<Buffer> {
  const dataEnd = dataStart + packedBytes
  for (let at = dataStart; at < dataEnd; ) {
    const piece = Buffer.from(await reader.some(at, Math.min(stepBytes, dataEnd - at)))
    yield piece
    at += piece.length
  }
}

async function* inflated(reader: ArchiveReader, entry: ArchiveEntry, dataStart: number): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw()
  const fed = feed(inflate, packed(reader, entry, dataStart))
  try {
    for await (const piece of inflate) yield piece
    await fed
  } catch (cause) {
    throw isZlib(cause) ? doesNotUnpack(entry, cause) : cause
  } finally {
    inflate.destroy()
    await fed.catch(() => {})
  }
  if (inflate.bytesWritten !== entry.packedBytes) throw bytesAfter(entry)
}

const bytesAfter = ({ name }: ArchiveEntry) => new Corrupt(`the entry ${quoted(name)} has bytes after its compressed data`)
const doesNotUnpack = ({ name }: ArchiveEntry, cause: unknown) => new Corrupt(`the entry ${quoted(name)} can't be unpacked`, { cause })

const isZlib = (error: unknown): boolean => /^(?:Z_|ERR_ZLIB)/.test(String((error as NodeJS.ErrnoException).code))

/** An error of the source destroys the stream, so that the caller sees it instead of an error of zlib. */
async function feed(inflate: ReturnType<typeof createInflateRaw>, pieces: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (inflate.destroyed) return
      if (!inflate.write(piece)) await drained(inflate)
    }
    if (!inflate.destroyed) inflate.end()
  } catch (error) {
    inflate.destroy(error as Error)
  }
}

function drained(inflate: ReturnType<typeof createInflateRaw>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      inflate.off('drain', done).off('close', done)
      resolve()
    }
    inflate.once('drain', done).once('close', done)
  })
}
