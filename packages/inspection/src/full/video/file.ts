import { Corrupt } from '../bad-bytes.ts'
import type { Box, BoxReader } from './box-reader.ts'

/** The outermost boxes of an MP4. */
export interface Mp4File {
  readonly movie: Box
  /** Whether the movie box stands before the media, so that playing can begin while the file still loads. */
  readonly fastStart: boolean
  /** Whether the media comes in fragments, as it does for streaming. */
  readonly fragmented: boolean
}

/**
 * Walks the outermost boxes from the first byte to the last: each whole and behind the other, one `moov`, and media.
 * That the first is an `ftyp` was seen when the head was identified.
 *
 * @throws Corrupt
 */
export async function readFile(boxes: BoxReader): Promise<Mp4File> {
  const first = new Map<string, Box>()
  for await (const box of boxes.between(0, boxes.fileBytes)) {
    if (box.type === 'moov' && first.has('moov')) throw new Corrupt("it has two boxes 'moov'")
    if (!first.has(box.type)) first.set(box.type, box)
  }
  const movie = found(first, 'moov')
  return { movie, fastStart: movie.start < found(first, 'mdat').start, fragmented: first.has('moof') }
}

function found(boxes: ReadonlyMap<string, Box>, type: string): Box {
  const box = boxes.get(type)
  if (!box) throw new Corrupt(`it has no box '${type}'`)
  return box
}
