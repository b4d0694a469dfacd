import { app, segment, takeApart } from './jpeg.ts'
import { box, boxesOf } from './mp4.ts'
import { edited as editedPng, chunk as pngChunk } from './png.ts'
import { edited as editedWebp, chunk as webpChunk } from './webp.ts'

/** Takes content credentials (a JUMBF box) out of signed files, and puts others in their place. */

export type SignedFormat = 'jpg' | 'png' | 'webp' | 'mp4' | 'fragments.mp4'

/** In MP4: the box's UUID, version and flags, purpose, and the offset of further hashes, which is 0. */
const uuidHead = Buffer.concat([
  Buffer.from('d8fec3d61b0e483c92975828877ec481', 'hex'),
  Buffer.alloc(4),
  Buffer.from('manifest\0'),
  Buffer.alloc(8),
])
/** In JPEG, each segment: 'JP', its box's number, and its place among the segments of the box, from 1. */
const segmentHead = 8

const isCredentials = (type: string, body: Buffer): boolean => type === 'uuid' && body.subarray(0, 16).equals(uuidHead.subarray(0, 16))
const isJumbf = (marker: number, body: Buffer): boolean => marker === 0xeb && body.toString('latin1', 0, 2) === 'JP'

/**
 * Changes, replaces or removes the credentials, of which these small files have one part.
 *
 * @param edit called with the JUMBF box; returns what stands in its place, or null for nothing at all
 */
export function withCredentials(bytes: Buffer, format: SignedFormat, edit: (jumbf: Buffer) => Buffer | null): Buffer {
  const put = (jumbf: Buffer, container: (contents: Buffer) => Buffer): Buffer[] => {
    const contents = edit(Buffer.from(jumbf))
    return contents === null ? [] : [container(contents)]
  }
  switch (format) {
    case 'jpg': {
      const { segments, rest } = takeApart(bytes)
      const parts = segments.flatMap(({ marker, body }) =>
        isJumbf(marker, body)
          ? put(body.subarray(segmentHead), (jumbf) => app(11, Buffer.concat([body.subarray(0, segmentHead), jumbf])))
          : [segment(marker, body)],
      )
      return Buffer.concat([bytes.subarray(0, 2), ...parts, rest])
    }
    case 'png':
      return editedPng(bytes, (each) => {
        if (each.type !== 'caBX') return each
        const jumbf = edit(Buffer.from(each.data))
        return jumbf && pngChunk('caBX', jumbf)
      })
    case 'webp':
      return editedWebp(bytes, (each) => {
        if (each.type !== 'C2PA') return each
        const jumbf = edit(Buffer.from(each.data))
        return jumbf && webpChunk('C2PA', jumbf)
      })
    case 'mp4':
    case 'fragments.mp4':
      return Buffer.concat(
        boxesOf(bytes).flatMap(({ type, body }) => {
          const whole = box(type, body)
          if (!isCredentials(type, body)) return [whole]
          const placed = Buffer.concat(put(body.subarray(uuidHead.length), (jumbf) => box('uuid', uuidHead, jumbf)))
          // Sample tables count from the start of the file, so nothing may move
          return whole.length - placed.length < 8 ? [placed] : [placed, box('free', Buffer.alloc(whole.length - placed.length - 8))]
        }),
      )
  }
}

/** The JUMBF box of a signed file. */
export function credentialsOf(bytes: Buffer, format: SignedFormat): Buffer {
  let found: Buffer = Buffer.alloc(0)
  withCredentials(bytes, format, (jumbf) => {
    found = jumbf
    return jumbf
  })
  if (found.length === 0) throw new Error(`A ${format} without credentials.`)
  return found
}

/** Flips the lowest bit of one byte. */
export function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}

/** Flips a bit of the first byte of a text, or of one that follows it. */
export function flippedAt(bytes: Buffer, text: string, offset = 0): Buffer {
  const at = bytes.indexOf(text, 0, 'latin1')
  if (at < 0) throw new Error(`There is no '${text}'.`)
  return flipped(bytes, at + offset)
}
