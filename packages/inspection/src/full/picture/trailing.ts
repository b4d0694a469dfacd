import { identify } from '../../head/identify.ts'
import { TrailingData } from '../invalid-file.ts'
import { parseJpeg } from './jpeg.ts'
import { countBlocks } from './jpeg-blocks.ts'
import { declaresMotionVideo, motionVideoEnd } from './motion-photo.ts'
import { declaresPictureAt } from './multi-picture.ts'
import { parseNamedTrailers } from './named-trailers.ts'
import { type Part, PartList, type PictureStructure } from './picture-structure.ts'

/** The bytes after a picture's end, and what is needed to recognise them. */
interface Trailing {
  readonly bytes: Buffer
  readonly parts: readonly Part[]
  readonly pictureEnd: number
}

/** Recognises a trailer of one type that begins at `at`; null if it is something else. */
type TrailerReader = (trailing: Trailing, at: number) => Trailer | null

interface Trailer {
  readonly end: number
  readonly parts?: readonly Part[]
}

/**
 * What cameras, phones and editors write after a picture, besides the named trailers at the file's end. Nothing else is allowed there. They are
 * tried in this order, repeatedly.
 */
const trailerReaders: readonly { readonly name: string; readonly read: TrailerReader }[] = [
  { name: 'further pictures of a camera (CIPA DC-007) or a gain map', read: furtherPicture },
  { name: 'the video of a motion photo (Google)', read: motionVideo },
  { name: 'a repeated end marker', read: repeatedEndMarker },
  { name: 'the contents of erased flash memory', read: erasedFlash },
  { name: 'a line end', read: lineEnd },
]

/** A list of pictures has about five, each followed by padding. */
const maxTrailers = 200

/**
 * Recognises every byte after a picture's end.
 *
 * @returns the contents, to be searched like the picture's own parts
 * @throws TrailingData if some bytes are not recognised; the message names their format if possible
 */
export async function parseTrailers(bytes: Buffer, picture: PictureStructure): Promise<readonly Part[]> {
  const { end, parts } = parseNamedTrailers(bytes, picture.end)
  const found = new PartList()
  found.add(...parts)
  const rest = bytes.subarray(0, end)
  const trailing = { bytes: rest, parts: picture.end < end ? declaringParts(picture.parts) : [], pictureEnd: picture.end }
  let at = picture.end
  for (let count = 0; at < rest.length; count++) {
    if (count === maxTrailers) throw new TrailingData(`it has more than ${maxTrailers} trailers before byte ${at}`)
    const trailer = readTrailer(trailing, at) ?? padding(trailing, at)
    if (!trailer) throw new TrailingData(await describe(rest, at, picture.end))
    found.add(...(trailer.parts ?? []))
    at = trailer.end
  }
  return found.all
}

/** The parts that can declare trailers, unpacked once for all of them. */
const declaringParts = (parts: readonly Part[]): Part[] =>
  parts
    .filter(({ kind }) => kind === 'xmp' || kind === 'pictures' || kind === 'exif')
    .map(({ where, kind, at, bytes }) => ({ where, kind, at, bytes }))

function readTrailer(trailing: Trailing, at: number): Trailer | null {
  for (const { read } of trailerReaders) {
    const trailer = read(trailing, at)
    if (trailer) return trailer
  }
  return null
}

/** Describes the bytes at `at`. Zeros before them may belong to them. */
async function describe(bytes: Buffer, at: number, pictureEnd: number): Promise<string> {
  for (let from = at; from >= Math.max(pictureEnd, at - maxLeadingZeros); from--) {
    const { described } = await identify(bytes.subarray(from))
    if (described !== unknown) return `there is other content at byte ${from}: ${described}`
  }
  return `there is other content at byte ${at}, ${unknown}`
}

/** What `identify` returns for unknown formats. */
const unknown = 'of an unknown format'

const end = (at: number | null) => (at === null ? null : { end: at })

/** The number of zeros with which a box or a block may begin. */
const maxLeadingZeros = 3

/** Zeros, up to the end or to a trailer. */
function padding(trailing: Trailing, at: number): Trailer | null {
  let to = at
  while (trailing.bytes[to] === 0) to++
  if (to === at) return null
  for (let end = to; end > at && end >= to - maxLeadingZeros; end--) if (readTrailer(trailing, end)) return { end }
  return { end: to }
}

/** 0xFF up to the end: the contents of erased flash memory. */
function erasedFlash({ bytes }: Trailing, at: number): Trailer | null {
  let to = at
  while (bytes[to] === 0xff) to++
  return to > at && to === bytes.length ? { end: to } : null
}

/** Some cameras and editors write the end marker of a JPEG twice. */
function repeatedEndMarker({ bytes, pictureEnd }: Trailing, at: number): Trailer | null {
  const isJpeg = bytes.readUInt16BE(0) === 0xffd8
  return isJpeg && at === pictureEnd && bytes[at] === 0xff && bytes[at + 1] === 0xd9 ? { end: at + 2 } : null
}

const maxLineEnd = 2

function lineEnd({ bytes }: Trailing, at: number): { end: number } | null {
  const rest = bytes.subarray(at)
  return rest.length <= maxLineEnd && /^[\r\n]+$/.test(rest.toString('latin1')) ? { end: bytes.length } : null
}

function furtherPicture({ bytes, parts }: Trailing, at: number): { end: number; parts: readonly Part[] } | null {
  if (!beginsAsPicture(bytes, at) || !declaresPictureAt(parts, at)) return null
  const picture = withJpegFirstByte(bytes.subarray(at))
  const { end: length, parts: found, sequential } = parseJpeg(picture)
  for (const scan of sequential) countBlocks(picture, scan)
  return { end: at + length, parts: found }
}

/** Minolta's cameras write another first byte, so that programs do not mistake the preview for the picture. */
const beginsAsPicture = (bytes: Buffer, at: number): boolean =>
  bytes[at + 1] === 0xd8 && bytes[at + 2] === 0xff && [0xff, 0, 1].includes(bytes[at] ?? -1)

function withJpegFirstByte(picture: Buffer): Buffer {
  if (picture[0] === 0xff) return picture
  const copy = Buffer.from(picture)
  copy[0] = 0xff
  return copy
}

function motionVideo({ bytes, parts }: Trailing, at: number): { end: number } | null {
  return declaresMotionVideo(parts) ? end(motionVideoEnd(bytes, at)) : null
}
