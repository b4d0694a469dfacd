import { createInflate } from 'node:zlib'
import { Corrupt, TrailingData } from '../invalid-file.ts'
import { counted } from './picture-structure.ts'
import type { PackedPixels } from './png.ts'
import { type PngHeader, rowsOf } from './png-header.ts'

const maxFilter = 4

/**
 * Unpacks the pixels of a PNG, including the frames of an animation, and verifies that they are exactly the rows that the header declares, each with
 * a valid filter. Decoders read neither the frames nor anything after the last row.
 *
 * Pixels are discarded at once, so memory is bounded by one step of unpacking.
 *
 * @throws Corrupt, or TrailingData if compressed data continues after the last row
 */
export async function countPngPixels(header: PngHeader, packed: readonly PackedPixels[]): Promise<void> {
  for (const { area, pieces } of packed) await unpackRows(pieces, new RowCount(rowsOf(header, area)))
}

async function unpackRows(pieces: readonly Buffer[], rows: RowCount): Promise<void> {
  const inflate = createInflate({ chunkSize: 64 * 1024 })
  let failed: Error | null = null
  inflate.on('error', (error) => {
    failed = error
  })
  const fed = feed(inflate, pieces)
  try {
    for await (const chunk of inflate) rows.take(chunk)
  } catch (cause) {
    if (cause instanceof Corrupt) throw cause
    throw new Corrupt(rows.missing ? 'its pixels are damaged or missing' : 'the checksum of its pixels is wrong', {
      cause: failed ?? cause,
    })
  } finally {
    inflate.destroy()
    await fed
  }
  if (rows.missing) throw new Corrupt('pixels are missing')
  assertNoTrailingData(pieces, inflate.bytesWritten)
}

async function feed(inflate: ReturnType<typeof createInflate>, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (inflate.destroyed || inflate.writableEnded) return
    if (inflate.write(piece)) continue
    await drained(inflate)
  }
  if (!inflate.destroyed) inflate.end()
}

function drained(inflate: ReturnType<typeof createInflate>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      inflate.off('drain', done).off('close', done)
      resolve()
    }
    inflate.once('drain', done).once('close', done)
  })
}

/** Some encoders leave a few bytes there. They are too few to contain anything. */
const toleratedBytes = 16

function assertNoTrailingData(pieces: readonly Buffer[], usedBytes: number): void {
  const trailing = Buffer.concat(pieces).subarray(usedBytes)
  if (trailing.length <= toleratedBytes || trailing.every((byte) => byte === 0)) return
  throw new TrailingData(`${counted(trailing.length, 'byte')} follow its pixels`)
}

/** Counts rows while their bytes are unpacked. */
class RowCount {
  readonly #passes: { rows: number; bytes: number }[]
  #left = 0

  constructor(passes: { rows: number; bytes: number }[]) {
    this.#passes = passes.map((pass) => ({ ...pass }))
  }

  get missing(): boolean {
    return this.#left > 0 || this.#passes.length > 0
  }

  take(chunk: Buffer): void {
    let at = this.#left
    if (at >= chunk.length) {
      this.#left -= chunk.length
      return
    }
    this.#left = 0
    while (at < chunk.length) {
      const bytes = this.#nextRow()
      if ((chunk[at] ?? 0) > maxFilter) throw new Corrupt('its pixels are damaged')
      at += bytes
    }
    this.#left = at - chunk.length
  }

  #nextRow(): number {
    const pass = this.#passes[0]
    if (!pass) throw new Corrupt('it has more pixels than its header declares')
    if (--pass.rows === 0) this.#passes.shift()
    return pass.bytes
  }
}
