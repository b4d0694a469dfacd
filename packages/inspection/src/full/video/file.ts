import { Corrupt } from '../bad-bytes.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'
import type { Box, BoxReader } from './box-reader.ts'
import type { Range } from './media-ranges.ts'
import { assertPlaced } from './misplaced.ts'

/** The outermost boxes of an MP4. */
export interface Mp4File {
  readonly movie: Box
  readonly media: readonly Range[]
  readonly fragments: readonly Box[]
  /** Boxes that no player needs: what could hide in them is looked at. */
  readonly others: readonly Box[]
  /** Whether the movie box stands before the media, so that playing can begin while the file still loads. */
  readonly fastStart: boolean
}

/** Boxes whose contents are known: media, and what leads to it. */
const playersBoxes: ReadonlySet<string> = new Set(['ftyp', 'moov', 'mdat', 'moof', 'styp', 'sidx', 'ssix', 'mfra', 'prft'])

/** A brand may be any four letters, so a list of them can hold any text. */
const brandLists: ReadonlySet<string> = new Set(['ftyp', 'styp'])

/** Room for a thousand brands; files have a handful. */
const maxBrandsBytes = 4096

/**
 * Walks the outermost boxes from the first byte to the last: each whole and behind the other, one `moov`, and media.
 * That the first is an `ftyp` was seen when the head was identified.
 *
 * @throws Corrupt, or Suspicious for what stands among brands
 */
export async function readFile(boxes: BoxReader): Promise<Mp4File> {
  const movies: Box[] = []
  const media: Range[] = []
  const fragments: Box[] = []
  const others: Box[] = []
  for await (const box of boxes.outermost()) {
    assertPlaced(box, 'file')
    if (box.type === 'moov') movies.push(box)
    else if (box.type === 'mdat') media.push({ start: box.body, end: box.end })
    else if (box.type === 'moof') fragments.push(box)
    if (!playersBoxes.has(box.type)) others.push(box)
    if (box.type === 'ftyp' && box.start > 0) throw new Corrupt("it has two boxes 'ftyp'")
    if (brandLists.has(box.type)) await searchBrands(boxes, box)
  }
  const [movie, second] = movies
  if (!movie) throw new Corrupt("it has no box 'moov'")
  if (second) throw new Corrupt("it has two boxes 'moov'")
  const first = media[0]
  if (!first) throw new Corrupt("it has no box 'mdat'")
  return { movie, media, fragments, others, fastStart: movie.start < first.start }
}

async function searchBrands(boxes: BoxReader, box: Box): Promise<void> {
  const length = box.end - box.body
  if (length > maxBrandsBytes) throw new Corrupt(`the box '${box.type}' is too large`)
  const brands = await boxes.contents(box, length)
  searchText(brands, `its box '${box.type}'`)
  searchBytes(brands, `its box '${box.type}'`)
}
