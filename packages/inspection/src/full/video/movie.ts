import { MiB, readableBytes } from '@airlock/domain'
import { Corrupt } from '../invalid-file.ts'
import { assertPlaced } from './box-placement.ts'
import type { Box, BoxReader } from './box-reader.ts'
import type { FragmentDefaults } from './fragments.ts'
import { readTrack, type Track } from './track.ts'

export interface Movie {
  /** Null if the movie does not contain it, for example because it was still being written. */
  readonly durationSeconds: number | null
  readonly tracks: readonly Track[]
  /** By track id; empty if the movie is not fragmented. */
  readonly fragmentDefaults: ReadonlyMap<number, FragmentDefaults>
  /** Boxes that no player needs. */
  readonly others: readonly Box[]
}

/** Longer than any upload, and short enough to detect invalid times. */
const maxSeconds = 24 * 3600

/** Four hours of video and audio have 5 MiB of tables. */
const maxMovieBytes = 64 * MiB

/** Tracks of one file; real ones have a few. */
const maxTracks = 64

/** Boxes that make QuickTime play another movie: a reference to another file, and a compressed movie box. */
const movieReferences: ReadonlySet<string> = new Set(['rmra', 'cmov'])

const knownBoxes: ReadonlySet<string> = new Set(['mvhd', 'trak', 'mvex', 'iods'])

/**
 * Reads the movie box with its tracks.
 *
 * @throws Corrupt if a box in it is incomplete or invalid
 */
export async function readMovie(boxes: BoxReader, moov: Box): Promise<Movie> {
  const tracks: Track[] = []
  const others: Box[] = []
  const once = new Map<string, Box>()
  if (moov.end - moov.start > maxMovieBytes) throw new Corrupt(`the box 'moov' is larger than ${readableBytes(maxMovieBytes)}`)
  await boxes.load(moov)
  for await (const box of boxes.between(moov.body, moov.end)) {
    assertPlaced(box, 'moov')
    if (movieReferences.has(box.type)) throw new Corrupt(`the box '${box.type}' refers to another movie`)
    if (box.type === 'trak') {
      if (tracks.length === maxTracks) throw new Corrupt(`it has more than ${maxTracks} tracks`)
      tracks.push(await readTrack(boxes, box))
    } else if (!knownBoxes.has(box.type)) others.push(box)
    else if (once.has(box.type)) throw new Corrupt(`it has two boxes '${box.type}'`)
    else once.set(box.type, box)
  }
  if (new Set(tracks.map(({ id }) => id)).size !== tracks.length) throw new Corrupt('two tracks have the same id')
  const header = once.get('mvhd')
  if (!header) throw new Corrupt("it has no box 'mvhd'")
  const { timescale, ticks } = await readHeader(boxes, header)
  const movieExtends = once.get('mvex')
  const { fragmentTicks, defaults } = movieExtends ? await readExtends(boxes, movieExtends) : { fragmentTicks: null, defaults: new Map() }
  return { durationSeconds: secondsOf(ticks ?? fragmentTicks, timescale, 'mvhd'), tracks, fragmentDefaults: defaults, others }
}

async function readHeader(boxes: BoxReader, mvhd: Box): Promise<{ timescale: number; ticks: number | null }> {
  const long = await boxes.hasLongTimes(mvhd)
  const contents = await boxes.contents(mvhd, long ? 32 : 20)
  const timescale = contents.readUInt32BE(long ? 20 : 12)
  if (timescale === 0) throw new Corrupt("the box 'mvhd' has a timescale of 0")
  return { timescale, ticks: long ? longTime(contents, 24) : shortTime(contents, 16) }
}

/** `mehd` contains the duration of all fragments together, `trex` the defaults of a track's fragments. */
async function readExtends(boxes: BoxReader, mvex: Box) {
  const defaults = new Map<number, FragmentDefaults>()
  let fragmentTicks: number | null = null
  for await (const box of boxes.between(mvex.body, mvex.end)) {
    if (box.type === 'mehd') {
      const long = await boxes.hasLongTimes(box)
      const contents = await boxes.contents(box, long ? 12 : 8)
      fragmentTicks = long ? longTime(contents, 4) : shortTime(contents, 4)
    } else if (box.type === 'trex') {
      const contents = await boxes.contents(box, 24)
      defaults.set(contents.readUInt32BE(4), { duration: contents.readUInt32BE(12), size: contents.readUInt32BE(16) })
    }
  }
  return { fragmentTicks, defaults }
}

/**
 * A time in seconds, rounded to milliseconds; null if it is unknown.
 *
 * @throws Corrupt if it is longer than a day
 */
export function secondsOf(ticks: number | null, timescale: number, box: string): number | null {
  if (ticks === null || ticks === 0) return null
  const seconds = ticks / timescale
  if (seconds > maxSeconds) throw new Corrupt(`the box '${box}' declares a duration of ${Math.round(seconds / 3600)} hours`)
  return Math.round(seconds * 1000) / 1000
}

/** All bits set, and 0, mean an unknown duration. */
function shortTime(contents: Buffer, at: number): number | null {
  const time = contents.readUInt32BE(at)
  return time === 0xffff_ffff || time === 0 ? null : time
}

function longTime(contents: Buffer, at: number): number | null {
  const time = contents.readBigUInt64BE(at)
  return time === 0xffff_ffff_ffff_ffffn || time === 0n ? null : Number(time)
}
