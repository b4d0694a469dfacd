import { type Facts, refusal } from '@airlock/domain'
import { Corrupt } from '../bad-bytes.ts'
import type { Inspector } from '../inspector.ts'
import { BoxReader } from './box-reader.ts'
import { assertSamples } from './codecs.ts'
import { type Mp4File, readFile } from './file.ts'
import { type Run, readFragment } from './fragments.ts'
import { MediaRanges } from './media-ranges.ts'
import { type Movie, readMovie, secondsOf } from './movie.ts'
import { searchOtherBoxes } from './other-boxes.ts'
import { walkSamples } from './sample-tables.ts'
import type { Track } from './track.ts'

/**
 * Reads an MP4 by its boxes, in ranges: what it says of itself, where its samples lie, and of the samples the first and the last, so that
 * 500 MiB cost a few reads.
 */
export const inspectVideo: Inspector = async (source, { filename, mediaType }, { maxBoxes }) => {
  const boxes = new BoxReader(source, maxBoxes)
  const file = await readFile(boxes)
  const movie = await readMovie(boxes, file.movie)
  const pictures = movie.tracks.find(({ handler }) => handler === 'vide')
  if (!pictures) {
    return { ok: false, refusal: refusal('type_mismatch', { filename, claimed: 'a video', found: 'an MP4 without a video track' }) }
  }
  const media = new MediaRanges(file.media)
  const lengths = await walkTracks(boxes, movie, media)
  await walkFragments(boxes, file, movie, media, lengths)
  const length = lengths.get(pictures.id)
  if (!length || length.samples === 0) throw new Corrupt('its video track has no pictures')
  await searchOtherBoxes(boxes, [...file.others, ...movie.others])
  return { ok: true, mediaType, facts: factsOf(file, movie, pictures, length) }
}

/** How many samples a track has, and how long they last in its own units. */
interface Length {
  samples: number
  duration: number
}

async function walkTracks(boxes: BoxReader, movie: Movie, media: MediaRanges): Promise<Map<number, Length>> {
  const lengths = new Map<number, Length>()
  for (const { id, tables, codec, config } of movie.tracks) {
    const { samples, duration, witnesses } = await walkSamples(boxes, tables, media)
    lengths.set(id, { samples, duration })
    await assertSamples(boxes, codec, config, witnesses)
  }
  return lengths
}

async function walkFragments(
  boxes: BoxReader,
  { fragments }: Mp4File,
  movie: Movie,
  media: MediaRanges,
  lengths: Map<number, Length>,
): Promise<void> {
  if (fragments.length > 0 && movie.fragmentDefaults.size === 0) throw new Corrupt("it has fragments and no box 'mvex'")
  const ends = new Map<number, { first: Run; last: Run }>()
  for (const moof of fragments) {
    for (const run of await readFragment(boxes, moof, movie.fragmentDefaults)) {
      media.assertHolds(run.start, run.bytes, 'trun')
      const length = lengths.get(run.trackId)
      if (!length) throw new Corrupt("the box 'tfhd' names a track that the movie has not")
      length.samples += run.samples
      length.duration += run.duration
      if (run.first) ends.set(run.trackId, { first: ends.get(run.trackId)?.first ?? run, last: run })
    }
  }
  for (const { id, codec, config } of movie.tracks) {
    const run = ends.get(id)
    const samples = [run?.first.first, run?.last.first].flatMap((sample) => (sample ? [sample] : []))
    await assertSamples(boxes, codec, config, samples)
  }
}

function factsOf(file: Mp4File, movie: Movie, pictures: Track, { samples, duration }: Length): Facts {
  const seconds = secondsOf(duration, pictures.timescale, 'stts')
  const sound = movie.tracks.find(({ handler }) => handler === 'soun')
  return {
    width: pictures.width,
    height: pictures.height,
    rotation: pictures.rotation,
    // A movie box that comes before its fragments knows at most the first of them
    duration_seconds: file.fragments.length > 0 ? longer(movie.durationSeconds, seconds) : (movie.durationSeconds ?? seconds),
    frame_rate: seconds === null ? null : Math.round((samples / seconds) * 1000) / 1000,
    video_codec: pictures.codec,
    audio_codec: sound?.codec ?? null,
    tracks: movie.tracks.length,
    fast_start: file.fastStart,
    fragmented: file.fragments.length > 0,
  }
}

const longer = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.max(a, b))
