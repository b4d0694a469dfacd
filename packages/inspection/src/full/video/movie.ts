import { Corrupt } from '../bad-bytes.ts'
import type { Box, BoxReader } from './box-reader.ts'

export interface Track {
  /** `vide`, `soun`, `text` …, or null when the track does not say. */
  readonly handler: string | null
  /** As shown, in pixels; 0 when the track does not say. */
  readonly width: number
  readonly height: number
  /** The four characters of its first sample entry, `avc1`, `hvc1`, `mp4a` …, or null when it has none. */
  readonly codec: string | null
}

export interface Movie {
  /** Null when the movie does not know, as when it was still being written. */
  readonly durationSeconds: number | null
  readonly tracks: readonly Track[]
}

/** Which boxes are opened. One nested in any other way is passed over, so that depth is bounded. */
const opened: ReadonlySet<string> = new Set(['moov/mvex', 'trak/mdia', 'trak/mdia/minf', 'trak/mdia/minf/stbl'])

/** How a box is read (ISO/IEC 14496-12, section 8). Times grow from 32 to 64 bits with version 1. */
interface BoxRow<Said> {
  /** Bytes of its contents that are looked at, in version 0 and in version 1. */
  readonly bytes: readonly [number, number]
  readonly read: (contents: Buffer) => Partial<Said>
}

type BoxTable<Said> = Readonly<Record<string, BoxRow<Said>>>

interface MovieSaid {
  timescale: number | null
  duration: bigint
  fragmentedDuration: bigint
}

const movieBoxes: BoxTable<MovieSaid> = {
  'moov/mvhd': {
    bytes: [20, 32],
    read: (contents) =>
      isLong(contents)
        ? { timescale: contents.readUInt32BE(20), duration: longTime(contents, 24) }
        : { timescale: contents.readUInt32BE(12), duration: shortTime(contents, 16) },
  },
  'moov/mvex/mehd': {
    bytes: [8, 12],
    read: (contents) => ({ fragmentedDuration: isLong(contents) ? longTime(contents, 4) : shortTime(contents, 4) }),
  },
}

const trackBoxes: BoxTable<Track> = {
  'trak/tkhd': {
    bytes: [84, 96],
    read: (contents) => {
      const size = isLong(contents) ? 88 : 76
      return { width: pixels(contents, size), height: pixels(contents, size + 4) }
    },
  },
  'trak/mdia/hdlr': { bytes: [12, 12], read: (contents) => ({ handler: fourCharacters(contents, 8) }) },
  'trak/mdia/minf/stbl/stsd': { bytes: [16, 16], read: (contents) => ({ codec: fourCharacters(contents, 12) }) },
}

/**
 * What the movie box says of the movie and its tracks.
 *
 * @throws Corrupt when a box in it is not whole or says impossible things
 */
export async function readMovie(boxes: BoxReader, moov: Box): Promise<Movie> {
  const tracks: Track[] = []
  const said: MovieSaid = { timescale: null, duration: 0n, fragmentedDuration: 0n }
  for await (const { path, box } of inside(boxes, moov, 'moov')) {
    if (path === 'moov/trak') tracks.push(await readTrack(boxes, box))
    Object.assign(said, await readBox(boxes, box, movieBoxes[path]))
  }
  return { durationSeconds: secondsOf(said), tracks }
}

async function readTrack(boxes: BoxReader, trak: Box): Promise<Track> {
  const track: Track = { handler: null, width: 0, height: 0, codec: null }
  for await (const { path, box } of inside(boxes, trak, 'trak')) Object.assign(track, await readBox(boxes, box, trackBoxes[path]))
  return track
}

async function readBox<Said>(boxes: BoxReader, box: Box, row: BoxRow<Said> | undefined): Promise<Partial<Said>> {
  if (!row) return {}
  const [short, long] = row.bytes
  const version = (await boxes.contents(box, 1))[0]
  return row.read(await boxes.contents(box, version === 1 ? long : short))
}

async function* inside(boxes: BoxReader, parent: Box, parentPath: string): AsyncGenerator<{ path: string; box: Box }> {
  for await (const box of boxes.between(parent.body, parent.end)) {
    const path = `${parentPath}/${box.type}`
    yield { path, box }
    if (opened.has(path)) yield* inside(boxes, box, path)
  }
}

function secondsOf({ timescale, duration, fragmentedDuration }: MovieSaid): number | null {
  if (timescale === null) throw new Corrupt("it has no box 'mvhd'")
  if (timescale === 0) throw new Corrupt("the box 'mvhd' has a timescale of 0")
  const ticks = duration || fragmentedDuration
  return ticks === 0n ? null : Math.round((Number(ticks) / timescale) * 1000) / 1000
}

const isLong = (contents: Buffer): boolean => contents[0] === 1

/** All ones stand for a duration that nobody knows. */
const shortTime = (contents: Buffer, at: number): bigint => known(BigInt(contents.readUInt32BE(at)), 0xffff_ffffn)
const longTime = (contents: Buffer, at: number): bigint => known(contents.readBigUInt64BE(at), 0xffff_ffff_ffff_ffffn)
const known = (time: bigint, unknown: bigint): bigint => (time === unknown ? 0n : time)

/** A length in 16.16 fixed point. */
const pixels = (contents: Buffer, at: number): number => Math.round(contents.readUInt32BE(at) / 0x1_0000)

const fourCharacters = (contents: Buffer, at: number): string => contents.toString('latin1', at, at + 4).replace(/[^ -~]/g, '?')
