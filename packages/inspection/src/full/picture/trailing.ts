import { identify } from '../../head/identify.ts'
import { TrailingData } from '../bad-bytes.ts'
import { type Anatomy, type Part, PartList } from './anatomy.ts'
import { walkJpeg } from './jpeg.ts'
import { countBlocks } from './jpeg-blocks.ts'
import { announcesFilm, filmEnd } from './motion-photo.ts'
import { announcesPictureAt } from './multi-picture.ts'
import { takeOffTrailers } from './named-trailers.ts'

/** What stands behind a picture's end, as far as it was explained. */
interface Behind {
  readonly bytes: Buffer
  readonly parts: readonly Part[]
  readonly pictureEnd: number
}

/** Takes what it knows at `at`, and says where that ends; null when it is something else. */
type Explains = (behind: Behind, at: number) => Explained | null

interface Explained {
  readonly end: number
  readonly parts?: readonly Part[]
}

/**
 * What cameras, phones and editors put behind a picture, by name, besides the trailers that name themselves at the file's end; nothing else
 * may stand there. First match first, as often as it takes.
 */
const allowed: readonly { readonly name: string; readonly explains: Explains }[] = [
  { name: 'further pictures of a camera (CIPA DC-007) or a gain map', explains: furtherPicture },
  { name: 'the film of a motion photo (Google)', explains: film },
  { name: 'an end marker that is there twice', explains: secondEnd },
  { name: 'the filling of erased flash memory', explains: eraseFilling },
  { name: 'a line end', explains: lineEnd },
]

/** A list of pictures has about five, each with padding. */
const maxPieces = 200

/**
 * Explains what stands behind a picture's end, byte for byte.
 *
 * @returns what it found in there, to be looked at like the picture's own parts
 * @throws TrailingData when something is left, with what it looks like
 */
export async function explainTrailing(bytes: Buffer, anatomy: Anatomy): Promise<readonly Part[]> {
  const { end, parts } = takeOffTrailers(bytes, anatomy.end)
  const found = new PartList()
  found.add(...parts)
  const rest = bytes.subarray(0, end)
  const behind = { bytes: rest, parts: anatomy.end < end ? announcements(anatomy.parts) : [], pictureEnd: anatomy.end }
  let at = anatomy.end
  for (let pieces = 0; at < rest.length; pieces++) {
    if (pieces === maxPieces) throw new TrailingData(`from byte ${at} on there is more than ${maxPieces} pieces of other things`)
    const explained = explain(behind, at) ?? padding(behind, at)
    if (!explained) throw new TrailingData(await named(rest, at, anatomy.end))
    found.add(...(explained.parts ?? []))
    at = explained.end
  }
  return found.all
}

/** The parts that can announce what follows, unpacked once for all that follows. */
const announcements = (parts: readonly Part[]): Part[] =>
  parts
    .filter(({ kind }) => kind === 'xmp' || kind === 'pictures' || kind === 'exif')
    .map(({ where, kind, at, bytes }) => ({ where, kind, at, bytes }))

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

/** The filling of flash memory that nothing was written to, up to the end. */
function eraseFilling({ bytes }: Behind, at: number): Explained | null {
  let to = at
  while (bytes[to] === 0xff) to++
  return to > at && to === bytes.length ? { end: to } : null
}

/** Some cameras and editors write the end of a JPEG twice. */
function secondEnd({ bytes, pictureEnd }: Behind, at: number): Explained | null {
  const isJpeg = bytes.readUInt16BE(0) === 0xffd8
  return isJpeg && at === pictureEnd && bytes[at] === 0xff && bytes[at + 1] === 0xd9 ? { end: at + 2 } : null
}

const maxLineEnd = 2

function lineEnd({ bytes }: Behind, at: number): { end: number } | null {
  const rest = bytes.subarray(at)
  return rest.length <= maxLineEnd && /^[\r\n]+$/.test(rest.toString('latin1')) ? { end: bytes.length } : null
}

function furtherPicture({ bytes, parts }: Behind, at: number): { end: number; parts: readonly Part[] } | null {
  if (!beginsAsPicture(bytes, at) || !announcesPictureAt(parts, at)) return null
  const picture = withFirstByte(bytes.subarray(at))
  const { end: length, parts: found, sequential } = walkJpeg(picture)
  for (const scan of sequential) countBlocks(picture, scan)
  return { end: at + length, parts: found }
}

/** Minolta's cameras write another first byte, so that nothing takes the preview for the picture. */
const beginsAsPicture = (bytes: Buffer, at: number): boolean =>
  bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff && [0xff, 0, 1].includes(bytes[at] ?? -1)

function withFirstByte(picture: Buffer): Buffer {
  if (picture[0] === 0xff) return picture
  const copy = Buffer.from(picture)
  copy[0] = 0xff
  return copy
}

function film({ bytes, parts }: Behind, at: number): { end: number } | null {
  return announcesFilm(parts) ? end(filmEnd(bytes, at)) : null
}
