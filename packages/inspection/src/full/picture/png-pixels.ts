import { createInflate } from 'node:zlib'
import { Corrupt, TrailingData } from '../bad-bytes.ts'
import { counted } from './anatomy.ts'
import type { PackedPixels } from './png.ts'
import { type PngHeader, rowsOf } from './png-header.ts'

const maxFilter = 4

/**
 * Unpacks the pixels of a PNG, of each frame of an animation too, and counts them: as many rows as the header says, each with a filter
 * that exists, nothing missing and nothing behind. Decoders look at neither the frames nor what comes behind the last row.
 *
 * Nothing is kept: memory stays at what one step of unpacking gives.
 *
 * @throws Corrupt, or TrailingData when packed data goes on behind the last row
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
  if (rows.missing) throw new Corrupt('pixels of it are missing')
  assertNothingBehind(pieces, inflate.bytesWritten)
}

async function feed(inflate: ReturnType<typeof createInflate>, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (inflate.destroyed || inflate.writableEnded) return
    if (inflate.write(piece)) continue
    await roomIn(inflate)
  }
  if (!inflate.destroyed) inflate.end()
}

function roomIn(inflate: ReturnType<typeof createInflate>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      inflate.off('drain', done).off('close', done)
      resolve()
    }
    inflate.once('drain', done).once('close', done)
  })
}

/** Some encoders leave a few bytes there. Nothing fits into so few. */
const toleratedBytes = 16

function assertNothingBehind(pieces: readonly Buffer[], usedBytes: number): void {
  const behind = Buffer.concat(pieces).subarray(usedBytes)
  if (behind.length <= toleratedBytes || behind.every((byte) => byte === 0)) return
  throw new TrailingData(`${counted(behind.length, 'byte')} that are no pixels stand behind its pixels`)
}

/** Counts rows as their bytes come by. */
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
    if (!pass) throw new Corrupt('it has more pixels than its header says')
    if (--pass.rows === 0) this.#passes.shift()
    return pass.bytes
  }
}
