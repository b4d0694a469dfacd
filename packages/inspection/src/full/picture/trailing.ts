import { identify } from '../../head/identify.ts'
import { TrailingData } from '../bad-bytes.ts'
import type { Anatomy, Part } from './anatomy.ts'
import { canonDataEnd } from './canon-data.ts'
import { walkJpeg } from './jpeg.ts'
import { announcesFilm, filmEnd } from './motion-photo.ts'
import { announcesPictureAt } from './multi-picture.ts'
import { samsungTrailer } from './samsung-trailer.ts'

/** What stands behind a picture's end, as far as it was explained. */
interface Behind {
  readonly bytes: Buffer
  readonly parts: readonly Part[]
}

/** Takes what it knows at `at`, and says where that ends; null when it is something else. */
type Explains = (behind: Behind, at: number) => { end: number; parts?: readonly Part[] } | null

/**
 * What cameras, phones and editors put behind a picture, by name; nothing else may stand there. First match first, as often as it takes.
 */
const allowed: readonly { readonly name: string; readonly explains: Explains }[] = [
  { name: 'padding of zeros', explains: padding },
  { name: 'a line end', explains: lineEnd },
  { name: 'further pictures of a camera (CIPA DC-007) or a gain map', explains: furtherPicture },
  { name: 'the film of a motion photo (Google)', explains: film },
  { name: "Samsung's trailer", explains: ({ bytes }, at) => samsungTrailer(bytes, at) },
  { name: "Canon's trailer", explains: ({ bytes }, at) => end(canonDataEnd(bytes, at)) },
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
    const explained = explain({ bytes, parts: anatomy.parts }, at)
    if (!explained) throw new TrailingData(`from byte ${at} on there is ${await named(bytes.subarray(at))}`)
    found.push(...(explained.parts ?? []))
    at = explained.end
  }
  return found
}

function explain(behind: Behind, at: number): { end: number; parts?: readonly Part[] } | null {
  for (const { explains } of allowed) {
    const explained = explains(behind, at)
    if (explained) return explained
  }
  return null
}

async function named(bytes: Buffer): Promise<string> {
  const { described } = await identify(bytes)
  return described === 'of no known format' ? 'something of no known format' : `something else: ${described}`
}

const end = (at: number | null) => (at === null ? null : { end: at })

function padding({ bytes }: Behind, at: number): { end: number } | null {
  let to = at
  while (bytes[to] === 0) to++
  return to > at ? { end: to } : null
}

const maxLineEnd = 2

function lineEnd({ bytes }: Behind, at: number): { end: number } | null {
  const rest = bytes.subarray(at)
  return rest.length <= maxLineEnd && /^[\r\n]+$/.test(rest.toString('latin1')) ? { end: bytes.length } : null
}

function furtherPicture({ bytes, parts }: Behind, at: number): { end: number; parts: readonly Part[] } | null {
  if (bytes.length < at + 4 || bytes.readUInt16BE(at) !== 0xffd8 || !announcesPictureAt(parts, at)) return null
  const { end: length, parts: found } = walkJpeg(bytes.subarray(at))
  return { end: at + length, parts: found }
}

function film({ bytes, parts }: Behind, at: number): { end: number } | null {
  return announcesFilm(parts) ? end(filmEnd(bytes, at)) : null
}
