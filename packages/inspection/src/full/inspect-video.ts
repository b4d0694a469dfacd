import { type Facts, KiB, MiB, refusal } from '@airlock/domain'
import type { Inspector } from './inspector.ts'
import { Corrupt } from './invalid-file.ts'
import { declaredIn } from './provenance/declared-origin.ts'
import { provenanceOfVideo } from './provenance/video-provenance.ts'
import { searchBytes, searchText } from './suspicious/search.ts'
import { type Box, BoxReader } from './video/box-reader.ts'
import { assertSamples } from './video/codecs.ts'
import { type Run, readFragment } from './video/fragments.ts'
import { MediaRanges } from './video/media-ranges.ts'
import { type Movie, readMovie, secondsOf } from './video/movie.ts'
import { type Mp4File, readFile } from './video/mp4-file.ts'
import { walkSamples } from './video/sample-tables.ts'
import type { Track } from './video/track.ts'

/**
 * Inspects an MP4 in ranges: its boxes, the positions of its samples, and the contents of the first and last samples, so that 500 MiB need only a
 * few reads.
 */
export const inspectVideo: Inspector = async (source, { filename, mediaType }, { maxBoxes, provenance: { trustPem } }, onProgress) => {
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
  if (!length || length.samples === 0) throw new Corrupt('its video track has no frames')
  const texts = await searchOtherBoxes(boxes, [...file.others, ...movie.others])
  const provenance = await provenanceOfVideo({ boxes, topLevel: file.topLevel, onProgress }, declaredIn(texts), trustPem)
  return { ok: true, mediaType, facts: { ...factsOf(file, movie, pictures, length), provenance } }
}

/** The number of samples of a track, and their duration in units of its timescale. */
interface Length {
  samples: number
  duration: number
}

async function walkTracks(boxes: BoxReader, movie: Movie, media: MediaRanges): Promise<Map<number, Length>> {
  const lengths = new Map<number, Length>()
  for (const { id, tables, codec, config } of movie.tracks) {
    const { samples, duration, checkedSamples } = await walkSamples(boxes, tables, media)
    lengths.set(id, { samples, duration })
    await assertSamples(boxes, codec, config, checkedSamples)
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
  if (fragments.length > 0 && movie.fragmentDefaults.size === 0) throw new Corrupt("it has fragments but no box 'mvex'")
  const ends = new Map<number, { first: Run; last: Run }>()
  for (const moof of fragments) {
    for (const run of await readFragment(boxes, moof, movie.fragmentDefaults)) {
      media.assertHolds(run.start, run.bytes, 'trun')
      const length = lengths.get(run.trackId)
      if (!length) throw new Corrupt("the box 'tfhd' names an unknown track")
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
  const audio = movie.tracks.find(({ handler }) => handler === 'soun')
  return {
    width: pictures.width,
    height: pictures.height,
    rotation: pictures.rotation,
    // a movie box that precedes its fragments contains the duration of the first one at most
    duration_seconds: file.fragments.length > 0 ? longer(movie.durationSeconds, seconds) : (movie.durationSeconds ?? seconds),
    frame_rate: seconds === null ? null : Math.round((samples / seconds) * 1000) / 1000,
    video_codec: pictures.codec,
    audio_codec: audio?.codec ?? null,
    tracks: movie.tracks.length,
    fast_start: file.fastStart,
    fragmented: file.fragments.length > 0,
  }
}

const longer = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.max(a, b))

/** Bytes of one box, and of all together, that are searched; titles, covers and XMP have a few hundred KiB. */
const maxBoxBytes = 256 * KiB
const maxTotalBytes = MiB

/** Archives are found by the end of the file: this is the size of an end record with the longest comment. */
const tailBytes = 66 * KiB

/**
 * Searches the boxes that no player needs, and the end of the file, for content that another program could execute, or read as a separate file.
 *
 * The media itself is not read: it is most of the file, and other programs do not search the middle of a file.
 *
 * @returns what was searched of the boxes
 * @throws Suspicious
 */
async function searchOtherBoxes(boxes: BoxReader, others: readonly Box[]): Promise<readonly Buffer[]> {
  let bytesLeft = maxTotalBytes
  const searched: Buffer[] = []
  for (const box of others) {
    const length = Math.min(box.end - box.body, maxBoxBytes, bytesLeft)
    if (length === 0) continue
    bytesLeft -= length
    const contents = await boxes.contents(box, length)
    const where = `its box '${box.type}'`
    searchText(contents, where)
    searchBytes(contents, where)
    searched.push(contents)
  }
  const start = Math.max(0, boxes.fileBytes - tailBytes)
  searchBytes(await boxes.bytes(start, boxes.fileBytes - start), 'its last bytes')
  return searched
}
