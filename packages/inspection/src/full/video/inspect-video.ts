import { refusal } from '@airlock/domain'
import type { Inspector } from '../inspect.ts'
import { BoxReader } from './box-reader.ts'
import { readFile } from './file.ts'
import { readMovie } from './movie.ts'

/** Reads an MP4 by its boxes, in ranges: what it says of itself, never the samples, so that 500 MiB cost a few reads. */
export const inspectVideo: Inspector = async (source, { filename, mediaType }, { maxBoxes }) => {
  const boxes = new BoxReader(source, maxBoxes)
  const file = await readFile(boxes)
  const movie = await readMovie(boxes, file.movie)

  const picture = movie.tracks.find(({ handler }) => handler === 'vide')
  if (!picture) {
    return { ok: false, refusal: refusal('type_mismatch', { filename, claimed: 'a video', found: 'an MP4 without a video track' }) }
  }
  return {
    ok: true,
    mediaType,
    facts: {
      width: picture.width,
      height: picture.height,
      duration_seconds: movie.durationSeconds,
      codec: picture.codec,
      tracks: movie.tracks.length,
      fast_start: file.fastStart,
      fragmented: file.fragmented,
    },
  }
}
