import { Corrupt } from '../invalid-file.ts'
import type { Box, BoxReader } from './box-reader.ts'
import type { MediaRanges } from './media-ranges.ts'
import { Table } from './table.ts'

/** The boxes of a track's `stbl` by their type. */
export type TableBoxes = ReadonlyMap<string, Box>

/** One frame of video or audio in the file. */
export interface Sample {
  readonly offset: number
  readonly bytes: number
}

export interface SampleSummary {
  readonly samples: number
  /** In units of the track's timescale. */
  readonly duration: number
  /** The first ones and the last one, whose contents are checked. */
  readonly checkedSamples: readonly Sample[]
}

const maxFirstSamples = 3

/**
 * Iterates over all samples in the tables of a track, and checks that each chunk is inside of a media box (ISO/IEC 14496-12, sections 8.6 and 8.7).
 *
 * @throws Corrupt if tables disagree with each other or with the file
 */
export async function walkSamples(boxes: BoxReader, tables: TableBoxes, media: MediaRanges): Promise<SampleSummary> {
  const sizes = await sampleSizes(boxes, tables)
  const { total, duration } = await times(boxes, tables)
  if (total !== sizes.count) throw new Corrupt(`the boxes 'stts' and '${sizes.type}' disagree on the number of samples`)
  return { samples: sizes.count, duration, checkedSamples: await walkChunks(boxes, tables, sizes, media) }
}

interface Sizes {
  readonly type: string
  readonly count: number
  /** The size of every sample if all have the same: uncompressed audio has hundreds of millions of samples. */
  readonly uniform: number | null
  /** The size of the next sample. */
  readonly next: () => number | Promise<number>
}

/** `stsz`: one size for all samples, or one for each. `stz2`: one for each in 4, 8 or 16 bits. */
async function sampleSizes(boxes: BoxReader, tables: TableBoxes): Promise<Sizes> {
  const compact = tables.get('stz2')
  if (compact) return compactSizes(boxes, compact)
  const box = required(tables, 'stsz')
  const head = await boxes.contents(box, 12)
  const [uniform, count] = [head.readUInt32BE(4), head.readUInt32BE(8)]
  if (uniform > 0) return { type: 'stsz', count, uniform, next: () => uniform }
  const table = Table.of(boxes, box, { headBytes: 12, count })
  return { type: 'stsz', count, uniform: null, next: () => (table.ready ? table.take() : table.next()) }
}

async function compactSizes(boxes: BoxReader, box: Box): Promise<Sizes> {
  const head = await boxes.contents(box, 12)
  const [bits, count] = [head[7] ?? 0, head.readUInt32BE(8)]
  const bytes = Math.ceil((count * bits) / 8)
  if (![4, 8, 16].includes(bits) || bytes > box.end - box.body - 12)
    throw new Corrupt("the box 'stz2' declares more entries than it contains")
  let index = 0
  const next = async (): Promise<number> => {
    const at = box.body + 12 + Math.floor((index * bits) / 8)
    const found = await boxes.bytes(at, bits === 16 ? 2 : 1)
    const value = bits === 16 ? found.readUInt16BE(0) : (found[0] ?? 0)
    const half = index++ % 2 === 0 ? value >> 4 : value & 15
    return bits === 4 ? half : value
  }
  return { type: 'stz2', count, uniform: null, next }
}

async function times(boxes: BoxReader, tables: TableBoxes): Promise<{ total: number; duration: number }> {
  const box = required(tables, 'stts')
  const count = (await boxes.contents(box, 8)).readUInt32BE(4)
  const table = Table.of(boxes, box, { headBytes: 8, count: count * 2 })
  let [total, duration] = [0, 0]
  for (let i = 0; i < count; i++) {
    const samples = await table.next()
    total += samples
    duration += samples * (await table.next())
  }
  return { total, duration }
}

/** Chunk by chunk: its offset (`stco`), its number of samples (`stsc`), the size of each (`stsz`). */
async function walkChunks(boxes: BoxReader, tables: TableBoxes, sizes: Sizes, media: MediaRanges): Promise<Sample[]> {
  const offsetBox = tables.get('co64') ?? required(tables, 'stco')
  const chunks = (await boxes.contents(offsetBox, 8)).readUInt32BE(4)
  const offsets = Table.of(boxes, offsetBox, { headBytes: 8, count: chunks, width: offsetBox.type === 'co64' ? 8 : 4 })
  const runs = await ChunkRuns.of(boxes, required(tables, 'stsc'))
  const checkedSamples: Sample[] = []
  let seen = 0
  for (let chunk = 1; chunk <= chunks; chunk++) {
    const start = offsets.ready ? offsets.take() : await offsets.next()
    const samples = await runs.samplesIn(chunk)
    seen += samples
    if (seen > sizes.count) break
    const length = await chunkBytes(sizes, samples, start, checkedSamples)
    media.assertHolds(start, length, offsetBox.type)
  }
  if (seen !== sizes.count) throw new Corrupt(`the boxes 'stsc' and '${sizes.type}' disagree on the number of samples`)
  return checkedSamples
}

/** The length is summed separately from the offset: a sum above 2^53 is inexact. */
async function chunkBytes({ uniform, next }: Sizes, samples: number, start: number, checkedSamples: Sample[]): Promise<number> {
  if (uniform !== null) {
    keepFirstAndLast(checkedSamples, { offset: start, bytes: uniform })
    return samples * uniform
  }
  let length = 0
  for (let i = 0; i < samples; i++) {
    const size = next()
    const bytes = typeof size === 'number' ? size : await size
    keepFirstAndLast(checkedSamples, { offset: start + length, bytes })
    length += bytes
  }
  return length
}

function keepFirstAndLast(checkedSamples: Sample[], sample: Sample): void {
  if (sample.bytes === 0) return
  if (checkedSamples.length > maxFirstSamples) checkedSamples.pop()
  checkedSamples.push(sample)
}

/** `stsc`: runs of chunks with the same number of samples. */
class ChunkRuns {
  readonly #table: Table
  #runsLeft: number
  #samples = 0
  #next: { from: number; samples: number } | null = null

  private constructor(table: Table, runs: number) {
    this.#table = table
    this.#runsLeft = runs
  }

  static async of(boxes: BoxReader, box: Box): Promise<ChunkRuns> {
    const count = (await boxes.contents(box, 8)).readUInt32BE(4)
    return new ChunkRuns(Table.of(boxes, box, { headBytes: 8, count: count * 3 }), count)
  }

  /** @param chunk number of the chunk, starting at 1, in ascending order */
  async samplesIn(chunk: number): Promise<number> {
    if (this.#next === null && this.#runsLeft > 0) await this.#readRun(chunk)
    if (this.#next?.from === chunk) {
      this.#samples = this.#next.samples
      this.#next = null
    }
    if (this.#samples === 0) throw new Corrupt("the box 'stsc' leaves chunks without samples")
    return this.#samples
  }

  async #readRun(chunk: number): Promise<void> {
    this.#runsLeft--
    const [from, samples, description] = [await this.#table.next(), await this.#table.next(), await this.#table.next()]
    if (from < chunk || samples === 0 || description === 0) throw new Corrupt("the box 'stsc' is out of order")
    this.#next = { from, samples }
  }
}

function required(tables: TableBoxes, type: string): Box {
  const box = tables.get(type)
  if (!box) throw new Corrupt(`a track has no box '${type}'`)
  return box
}
