import { deflateSync } from 'node:zlib'
import { flipped, type SignedFormat, withCredentials } from './credentials.ts'
import { comment, edited as editedJpeg, patched as patchedJpeg, putTogether, type Segment, segment, takeApart } from './jpeg.ts'
import { box, boxesOf } from './mp4.ts'
import { chunksOf as pngChunks, pngOf, rowsOf, text, withPixels } from './png.ts'
import { patched as patchedWebp, chunk as webpChunk, chunksOf as webpChunks, webpOf, withChunks } from './webp.ts'

/** What someone might do to a signed file so that it still opens. */

type Tampering = Readonly<Record<SignedFormat, (signed: Buffer) => Buffer>>

const joined = (boxes: readonly { type: string; body: Buffer }[]): Buffer => Buffer.concat(boxes.map(({ type, body }) => box(type, body)))

const inMedia = (film: Buffer): Buffer => boxChanged(film, 'mdat', 1000)

/** One bit or pixel of the content differs. PNG: stored without compression, so that the bytes are the same with every version of zlib. */
export const contentChanged: Tampering = {
  jpg: (file) => patchedJpeg(file, 0xdb, (table) => table.writeUInt8(table.readUInt8(20) ^ 1, 20)),
  png: (file) => withPixels(file, deflateSync(flipped(rowsOf(file), 5), { level: 0 })),
  webp: (file) => patchedWebp(file, 'VP8 ', (data) => data.writeUInt8(data.readUInt8(data.length - 4) ^ 1, data.length - 4)),
  mp4: inMedia,
  'fragments.mp4': inMedia,
}

const placeOf = (parts: readonly { type: string }[], type: string): number => parts.findIndex((each) => each.type === type)

/** Leaves a `free` box of the same size, so that no other box moves, and appends the credentials. */
const credentialsLast = (film: Buffer): Buffer => {
  const boxes = boxesOf(film)
  const signed = boxes[placeOf(boxes, 'uuid')]?.body ?? Buffer.alloc(0)
  return Buffer.concat([
    joined(boxes.map(({ type, body }) => (type === 'uuid' ? { type: 'free', body: Buffer.alloc(body.length) } : { type, body }))),
    box('uuid', signed),
  ])
}

/** The credentials stand elsewhere in the file. */
export const credentialsMoved: Tampering = {
  jpg: (file) => {
    const { segments, rest } = takeApart(file)
    const moved = segments.filter(({ marker }) => marker === 0xeb)
    return putTogether({ segments: [...segments.filter(({ marker }) => marker !== 0xeb), ...moved], rest })
  },
  png: (file) => {
    const chunks = pngChunks(file)
    const moved = chunks.filter(({ type }) => type === 'caBX')
    const others = chunks.filter(({ type }) => type !== 'caBX')
    return pngOf([...others.slice(0, -1), ...moved, ...others.slice(-1)])
  },
  webp: (file) => webpOf(webpChunks(file).toReversed()),
  mp4: credentialsLast,
  'fragments.mp4': credentialsLast,
}

/** Parts of the content have changed their order; the credentials have not. */
export const contentMoved: Tampering = {
  jpg: (file) => {
    const { segments, rest } = takeApart(file)
    const tables = segments.filter(({ marker }) => marker === 0xdb).toReversed()
    return putTogether({ segments: segments.map((each) => (each.marker === 0xdb ? (tables.shift() ?? each) : each)), rest })
  },
  png: (file) => {
    const chunks = pngChunks(file)
    const texts = chunks.filter(({ type }) => type === 'tEXt').toReversed()
    return pngOf(chunks.map((each) => (each.type === 'tEXt' ? (texts.shift() ?? each) : each)))
  },
  // There are no two parts to exchange: an empty one of an unknown type comes between
  webp: (file) => webpOf(webpChunks(file).flatMap((each) => (each.type === 'C2PA' ? [webpChunk('JUNK', ''), each] : [each]))),
  // Only the place of the media changes, by the 8 bytes of the `free` box that ffmpeg leaves there
  mp4: (file) => {
    const boxes = boxesOf(file)
    return joined([...boxes.filter(({ type }) => type !== 'free'), ...boxes.filter(({ type }) => type === 'free')])
  },
  'fragments.mp4': (file) => {
    const boxes = boxesOf(file)
    const at = placeOf(boxes, 'moof')
    return joined([...boxes.slice(0, at), ...boxes.slice(at + 2, at + 4), ...boxes.slice(at, at + 2), ...boxes.slice(at + 4)])
  },
}

const secret = 'words that nobody signed'

/** Bytes are added where players and viewers do not look. */
export const bytesHidden: Tampering = {
  jpg: (file) => {
    const { segments, rest } = takeApart(file)
    return Buffer.concat([file.subarray(0, 2), ...segments.map(({ marker, body }) => segment(marker, body)), comment(secret), rest])
  },
  png: (file) => pngOf(pngChunks(file).flatMap((each) => (each.type === 'IEND' ? [text('Comment', secret), each] : [each]))),
  webp: (file) => withChunks(file, webpChunk('JUNK', secret)),
  mp4: (file) => hiddenIn(file, 'free'),
  'fragments.mp4': (file) => hiddenIn(file, 'free'),
}

/** Bytes are added in the part that holds the credentials, after them. */
export const bytesAfterCredentials = (file: Buffer, format: SignedFormat): Buffer =>
  withCredentials(file, format, (jumbf) => Buffer.concat([jumbf, Buffer.from(secret)]))

/** The part that holds the credentials is there twice. */
export const credentialsTwice: Tampering = {
  jpg: (file) => editedJpeg(file, (each) => (each.marker === 0xeb ? [each, each] : each)),
  png: (file) => pngOf(pngChunks(file).flatMap((each) => (each.type === 'caBX' ? [each, each] : [each]))),
  webp: (file) => webpOf(webpChunks(file).flatMap((each) => (each.type === 'C2PA' ? [each, each] : [each]))),
  mp4: (file) => Buffer.concat([file, ...boxesOf(file).flatMap(({ type, body }) => (type === 'uuid' ? [box(type, body)] : []))]),
  'fragments.mp4': (file) =>
    Buffer.concat([file, ...boxesOf(file).flatMap(({ type, body }) => (type === 'uuid' ? [box(type, body)] : []))]),
}

/** Appends a box of a type. */
export const hiddenIn = (film: Buffer, type: string): Buffer => Buffer.concat([film, box(type, secret)])

/** Appends a box with the UUID of credentials, for a purpose that does not exist. */
export const hiddenInUuid = (film: Buffer): Buffer =>
  Buffer.concat([
    film,
    box('uuid', Buffer.from('d8fec3d61b0e483c92975828877ec481', 'hex'), Buffer.alloc(4), 'nothing\0', Buffer.alloc(8), secret),
  ])

/** Changes the segments of a JPEG that hold the credentials; they are all where the first one was. */
export function segmentsChanged(jpeg: Buffer, change: (segments: Segment[]) => Segment[]): Buffer {
  const { segments, rest } = takeApart(jpeg)
  const isPart = ({ marker }: Segment) => marker === 0xeb
  const first = segments.findIndex(isPart)
  const others = segments.filter((each) => !isPart(each))
  return putTogether({ segments: [...others.slice(0, first), ...change(segments.filter(isPart)), ...others.slice(first)], rest })
}

/** Changes a byte of the last box of a type. */
export const boxChanged = (film: Buffer, wanted: string, at = 0): Buffer => {
  const boxes = boxesOf(film)
  const last = boxes.findLastIndex(({ type }) => type === wanted)
  return joined(boxes.map(({ type, body }, i) => ({ type, body: i === last ? flipped(body, at) : body })))
}
