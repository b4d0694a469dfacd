import { MiB } from '@airlock/domain'
import { Corrupt } from '../invalid-file.ts'
import { type Box, type BoxReader, boxesIn, type LoadedBox } from './box-reader.ts'
import type { Sample } from './sample-tables.ts'

/** Defaults for all fragments of a track, from `trex`. */
export interface FragmentDefaults {
  readonly duration: number
  readonly size: number
}

/** Consecutive samples of one track, from `trun`. */
export interface Run {
  readonly trackId: number
  readonly start: number
  readonly bytes: number
  readonly samples: number
  /** In units of the track's timescale. */
  readonly duration: number
  readonly first: Sample | null
}

/** The description of a fragment of one minute at 60 frames per second has 60 KiB. */
const maxFragmentBytes = 3 * MiB

const tfhd = { baseOffset: 0x1, description: 0x2, duration: 0x8, size: 0x10, flags: 0x20, baseIsMoof: 0x20000 } as const
const trun = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, composition: 0x800 } as const

/**
 * The runs of samples in a fragment (ISO/IEC 14496-12, section 8.8).
 *
 * @throws Corrupt if its boxes are malformed, or name an unknown track
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

interface FragmentOffsets {
  readonly moof: number
  readonly previousEnd: number
}

function* trackRuns(traf: Buffer, offsets: FragmentOffsets, defaults: ReadonlyMap<number, FragmentDefaults>): Generator<Run> {
  const children = [...boxesIn(traf, 'traf')]
  const head = children.find(({ type }) => type === 'tfhd')
  if (!head) throw new Corrupt("a box 'traf' has no box 'tfhd'")
  const header = reading(head, (contents) => readHeader(contents, offsets, defaults))
  let at = header.base
  for (const child of children) {
    if (child.type !== 'trun') continue
    const run = reading(child, (contents) => readRun(contents, header, at))
    at = run.start + run.bytes
    yield run
  }
}

/** Reads the contents of a box. @throws Corrupt if they are too short */
function reading<T>({ type, contents }: LoadedBox, reader: (contents: Buffer) => T): T {
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

function readHeader(contents: Buffer, offsets: FragmentOffsets, defaults: ReadonlyMap<number, FragmentDefaults>): Header {
  const flags = contents.readUIntBE(1, 3)
  const trackId = contents.readUInt32BE(4)
  const defaultsOfTrack = defaults.get(trackId)
  if (!defaultsOfTrack) throw new Corrupt("the box 'tfhd' names an unknown track")
  let at = 8
  const field = (flag: number, bytes: 4 | 8): number | null => {
    if ((flags & flag) === 0) return null
    const value = bytes === 4 ? contents.readUInt32BE(at) : Number(contents.readBigUInt64BE(at))
    at += bytes
    return value
  }
  const base = field(tfhd.baseOffset, 8) ?? ((flags & tfhd.baseIsMoof) !== 0 ? offsets.moof : offsets.previousEnd)
  field(tfhd.description, 4)
  const duration = field(tfhd.duration, 4) ?? defaultsOfTrack.duration
  return { trackId, base, duration, size: field(tfhd.size, 4) ?? defaultsOfTrack.size }
}

function readRun(contents: Buffer, header: Header, following: number): Run {
  const flags = contents.readUIntBE(1, 3)
  const samples = contents.readUInt32BE(4)
  const hasOffset = (flags & trun.dataOffset) !== 0
  const start = hasOffset ? header.base + contents.readInt32BE(8) : following
  const table = 8 + (hasOffset ? 4 : 0) + ((flags & trun.firstFlags) === 0 ? 0 : 4)
  const present = [trun.duration, trun.size, trun.flags, trun.composition].filter((flag) => (flags & flag) !== 0)
  const rowBytes = present.length * 4
  if (table + samples * rowBytes > contents.length) throw new Corrupt("the box 'trun' declares more entries than it contains")
  const column = (flag: (typeof present)[number]) => (present.includes(flag) ? present.indexOf(flag) * 4 : null)
  const sum = (flag: (typeof present)[number], defaultsOfTrack: number): number => {
    const offset = column(flag)
    if (offset === null) return defaultsOfTrack * samples
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
