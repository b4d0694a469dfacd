import { identify } from '../../head/identify.ts'
import { TrailingData } from '../bad-bytes.ts'
import type { Anatomy, Part } from './anatomy.ts'
import { canonDataEnd } from './canon-data.ts'
import { walkJpeg } from './jpeg.ts'
import { countBlocks } from './jpeg-blocks.ts'
import { announcesFilm, filmEnd } from './motion-photo.ts'
import { announcesPictureAt } from './multi-picture.ts'
import { samsungTrailer } from './samsung-trailer.ts'

/** What stands behind a picture's end, as far as it was explained. */
interface Behind {
  readonly bytes: Buffer
  readonly parts: readonly Part[]
}

/** Takes what it knows at `at`, and says where that ends; null when it is something else. */
type Explains = (behind: Behind, at: number) => Explained | null

interface Explained {
  readonly end: number
  readonly parts?: readonly Part[]
}

/**
 * What cameras, phones and editors put behind a picture, by name; nothing else may stand there. First match first, as often as it takes.
 */
const allowed: readonly { readonly name: string; readonly explains: Explains }[] = [
  { name: 'further pictures of a camera (CIPA DC-007) or a gain map', explains: furtherPicture },
  { name: 'the film of a motion photo (Google)', explains: film },
  { name: "Samsung's trailer", explains: ({ bytes }, at) => samsungTrailer(bytes, at) },
  { name: "Canon's trailer", explains: ({ bytes }, at) => end(canonDataEnd(bytes, at)) },
  { name: 'a line end', explains: lineEnd },
]

/**
 * Explains what stands behind a picture's end, byte for byte.
 *
 * @returns what it found in there, to be looked at like the picture's own parts
 * @throws TrailingData when something is left, with what it looks like
 */
export async function explainTrailing(bytes: Buffer, anatomy: Anatomy): Promise<Part[]> {
  const found: Part[] = []
  let at = anatomy.end
  while (at < bytes.length) {
    const behind = { bytes, parts: anatomy.parts }
    const explained = explain(behind, at) ?? padding(behind, at)
    if (!explained) throw new TrailingData(await named(bytes, at, anatomy.end))
    found.push(...(explained.parts ?? []))
    at = explained.end
  }
  return found
}

function explain(behind: Behind, at: number): Explained | null {
  for (const { explains } of allowed) {
    const explained = explains(behind, at)
    if (explained) return explained
  }
  return null
}

/** Says what stands there. Zeros before it may be its own. */
async function named(bytes: Buffer, at: number, pictureEnd: number): Promise<string> {
  for (let from = at; from >= Math.max(pictureEnd, at - zerosOfWhatFollows); from--) {
    const { described } = await identify(bytes.subarray(from))
    if (described !== unknown) return `from byte ${from} on there is something else: ${described}`
  }
  return `from byte ${at} on there is something ${unknown}`
}

/** How `identify` calls what it does not know. */
const unknown = 'of no known format'

const end = (at: number | null) => (at === null ? null : { end: at })

/** A box or a block may begin with as many zeros of its own. */
const zerosOfWhatFollows = 3

/** Zeros, up to the end or to something that can be explained. */
function padding(behind: Behind, at: number): Explained | null {
  let to = at
  while (behind.bytes[to] === 0) to++
  if (to === at) return null
  for (let end = to; end > at && end >= to - zerosOfWhatFollows; end--) if (explain(behind, end)) return { end }
  return { end: to }
}

const maxLineEnd = 2

function lineEnd({ bytes }: Behind, at: number): { end: number } | null {
  const rest = bytes.subarray(at)
  return rest.length <= maxLineEnd && /^[\r\n]+$/.test(rest.toString('latin1')) ? { end: bytes.length } : null
}

function furtherPicture({ bytes, parts }: Behind, at: number): { end: number; parts: readonly Part[] } | null {
  if (bytes.length < at + 4 || bytes.readUInt16BE(at) !== 0xffd8 || !announcesPictureAt(parts, at)) return null
  const picture = bytes.subarray(at)
  const { end: length, parts: found, sequential } = walkJpeg(picture)
  for (const scan of sequential) countBlocks(picture, scan)
  return { end: at + length, parts: found }
}

function film({ bytes, parts }: Behind, at: number): { end: number } | null {
  return announcesFilm(parts) ? end(filmEnd(bytes, at)) : null
}
