import type { ByteRange } from '../byte-range.ts'
import { Corrupt } from '../invalid-file.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'
import { assertPlaced } from './box-placement.ts'
import type { Box, BoxReader } from './box-reader.ts'

/** The top-level boxes of an MP4. */
export interface Mp4File {
  /** In the order of the file. */
  readonly topLevel: readonly Box[]
  readonly movie: Box
  readonly media: readonly ByteRange[]
  readonly fragments: readonly Box[]
  /** Boxes that no player needs; they are searched. */
  readonly others: readonly Box[]
  /** Whether the movie box precedes the media, so that playback can begin while the file is loading. */
  readonly fastStart: boolean
}

/** Boxes that players need: media and its index. */
const knownBoxes: ReadonlySet<string> = new Set(['ftyp', 'moov', 'mdat', 'moof', 'styp', 'sidx', 'ssix', 'mfra', 'prft'])

/** A brand may be any four letters, so a list of brands can contain any text. */
const brandLists: ReadonlySet<string> = new Set(['ftyp', 'styp'])

/** A thousand brands; files have a few. */
const maxBrandsBytes = 4096

/**
 * Reads the top-level boxes from the first byte to the last: consecutive and complete, with one `moov`, and with media. `identify` has already
 * checked that the first box is an `ftyp`.
 *
 * @throws Corrupt, or Suspicious for the contents of lists of brands
 */
export async function readFile(boxes: BoxReader): Promise<Mp4File> {
  const topLevel: Box[] = []
  const movies: Box[] = []
  const media: ByteRange[] = []
  const fragments: Box[] = []
  const others: Box[] = []
  for await (const box of boxes.topLevel()) {
    assertPlaced(box, 'file')
    topLevel.push(box)
    if (box.type === 'moov') movies.push(box)
    else if (box.type === 'mdat') media.push({ start: box.body, end: box.end })
    else if (box.type === 'moof') fragments.push(box)
    if (!knownBoxes.has(box.type)) others.push(box)
    if (box.type === 'ftyp' && box.start > 0) throw new Corrupt("it has two boxes 'ftyp'")
    if (brandLists.has(box.type)) await searchBrands(boxes, box)
  }
  const [movie, second] = movies
  if (!movie) throw new Corrupt("it has no box 'moov'")
  if (second) throw new Corrupt("it has two boxes 'moov'")
  const first = media[0]
  if (!first) throw new Corrupt("it has no box 'mdat'")
  return { topLevel, movie, media, fragments, others, fastStart: movie.start < first.start }
}

async function searchBrands(boxes: BoxReader, box: Box): Promise<void> {
  const length = box.end - box.body
  if (length > maxBrandsBytes) throw new Corrupt(`the box '${box.type}' is too large`)
  const brands = await boxes.contents(box, length)
  searchText(brands, `its box '${box.type}'`)
  searchBytes(brands, `its box '${box.type}'`)
}
