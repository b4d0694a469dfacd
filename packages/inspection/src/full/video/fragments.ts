import { MiB } from '@airlock/domain'
import { Corrupt } from '../bad-bytes.ts'
import { type Box, type BoxReader, boxesIn, type LoadedBox } from './box-reader.ts'
import type { Sample } from './sample-tables.ts'

/** What `trex` says for all fragments of a track. */
export interface FragmentDefaults {
  readonly duration: number
  readonly size: number
}

/** A stretch of samples of one track. */
export interface Run {
  readonly trackId: number
  readonly start: number
  readonly bytes: number
  readonly samples: number
  /** In units of the track's timescale. */
  readonly duration: number
  readonly first: Sample | null
}

/** A fragment's description of a minute of 60 pictures a second has 60 KiB. */
const maxFragmentBytes = 3 * MiB

const tfhd = { baseOffset: 0x1, description: 0x2, duration: 0x8, size: 0x10, flags: 0x20, baseIsMoof: 0x20000 } as const
const trun = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, composition: 0x800 } as const

/**
 * The runs of samples that a fragment describes (ISO/IEC 14496-12, section 8.8).
 *
 * @throws Corrupt when its boxes are not sound, or name a track that the movie has not
 */
export async function readFragment(boxes: BoxReader, moof: Box, defaults: ReadonlyMap<number, FragmentDefaults>): Promise<Run[]> {
  if (moof.end - moof.body > maxFragmentBytes) throw new Corrupt("a box 'moof' is too large")
  const contents = await boxes.contents(moof, moof.end - moof.body)
  const runs: Run[] = []
  let end = moof.start
  for (const { type, contents: traf } of boxesIn(contents, 'moof')) {
    if (type !== 'traf') continue
    for (const run of trackRuns(traf, { moof: moof.start, previousEnd: end }, defaults)) {
      end = run.start + run.bytes
      runs.push(run)
    }
  }
  return runs
}

interface Where {
  readonly moof: number
  readonly previousEnd: number
}

function* trackRuns(traf: Buffer, where: Where, defaults: ReadonlyMap<number, FragmentDefaults>): Generator<Run> {
  const children = [...boxesIn(traf, 'traf')]
  const head = children.find(({ type }) => type === 'tfhd')
  if (!head) throw new Corrupt("a box 'traf' has no box 'tfhd'")
  const header = read(head, (contents) => readHeader(contents, where, defaults))
  let at = header.base
  for (const child of children) {
    if (child.type !== 'trun') continue
    const run = read(child, (contents) => readRun(contents, header, at))
    at = run.start + run.bytes
    yield run
  }
}

/** Box contents that end too early say so in our words. */
function read<T>({ type, contents }: LoadedBox, reader: (contents: Buffer) => T): T {
  try {
    return reader(contents)
  } catch (error) {
    throw error instanceof RangeError ? new Corrupt(`the box '${type}' is too short`) : error
  }
}

interface Header extends FragmentDefaults {
  readonly trackId: number
  readonly base: number
}

function readHeader(contents: Buffer, where: Where, defaults: ReadonlyMap<number, FragmentDefaults>): Header {
  const flags = contents.readUIntBE(1, 3)
  const trackId = contents.readUInt32BE(4)
  const usual = defaults.get(trackId)
  if (!usual) throw new Corrupt("the box 'tfhd' names a track that the movie has not")
  let at = 8
  const field = (flag: number, bytes: 4 | 8): number | null => {
    if ((flags & flag) === 0) return null
    const value = bytes === 4 ? contents.readUInt32BE(at) : Number(contents.readBigUInt64BE(at))
    at += bytes
    return value
  }
  const base = field(tfhd.baseOffset, 8) ?? ((flags & tfhd.baseIsMoof) !== 0 ? where.moof : where.previousEnd)
  field(tfhd.description, 4)
  const duration = field(tfhd.duration, 4) ?? usual.duration
  return { trackId, base, duration, size: field(tfhd.size, 4) ?? usual.size }
}

function readRun(contents: Buffer, header: Header, following: number): Run {
  const flags = contents.readUIntBE(1, 3)
  const samples = contents.readUInt32BE(4)
  const hasOffset = (flags & trun.dataOffset) !== 0
  const start = hasOffset ? header.base + contents.readInt32BE(8) : following
  const table = 8 + (hasOffset ? 4 : 0) + ((flags & trun.firstFlags) === 0 ? 0 : 4)
  const present = [trun.duration, trun.size, trun.flags, trun.composition].filter((flag) => (flags & flag) !== 0)
  const rowBytes = present.length * 4
  if (table + samples * rowBytes > contents.length) throw new Corrupt("the box 'trun' says more than it holds")
  const column = (flag: (typeof present)[number]) => (present.includes(flag) ? present.indexOf(flag) * 4 : null)
  const sum = (flag: (typeof present)[number], usual: number): number => {
    const offset = column(flag)
    if (offset === null) return usual * samples
    let total = 0
    for (let i = 0; i < samples; i++) total += contents.readUInt32BE(table + i * rowBytes + offset)
    return total
  }
  const sizeColumn = column(trun.size)
  const firstBytes = samples === 0 ? 0 : sizeColumn === null ? header.size : contents.readUInt32BE(table + sizeColumn)
  return {
    trackId: header.trackId,
    start,
    samples,
    bytes: sum(trun.size, header.size),
    duration: sum(trun.duration, header.duration),
    first: firstBytes === 0 ? null : { offset: start, bytes: firstBytes },
  }
}
