import type { MediaType } from '@airlock/domain'
import type { ByteRange } from '../byte-range.ts'
import type { Part } from '../picture/picture-structure.ts'

/** The place of content credentials in a file. */
export interface FoundCredentials {
  /** The bytes of the containers: segments, a chunk. */
  readonly ranges: readonly ByteRange[]
  /** Manifest stores; a file has one. */
  readonly stores: number
}

/** JUMBF's content type of a manifest store: the description box begins with it (C2PA 2.2, section 11.1). */
const storeType = Buffer.from('6332706100110010800000aa00389b71', 'hex')
/** It follows the headers of the box and of its description, which have 8 or 16 bytes each. */
const maxHeaderBytes = 48

/**
 * Finds content credentials among the parts of a picture: JPEG's segments APP11 that contain JUMBF, PNG's chunk `caBX`, WebP's chunk `C2PA`.
 *
 * @returns null if there are none
 */
export function findCredentials(bytes: Buffer, parts: readonly Part[], mediaType: MediaType): FoundCredentials | null {
  const find = finders[mediaType]
  const { ranges, stores } = find === undefined ? { ranges: [], stores: 0 } : find(bytes, parts)
  return ranges.length === 0 ? null : { ranges, stores }
}

const finders: Partial<Record<MediaType, (bytes: Buffer, parts: readonly Part[]) => FoundCredentials>> = {
  'image/jpeg': inSegments,
  'image/png': (bytes, parts) => {
    // length, type; the checksum follows
    const chunks = parts.filter(({ at }) => bytes.toString('latin1', at - 4, at) === 'caBX')
    return { ranges: chunks.map(({ at }) => ({ start: at - 8, end: at + bytes.readUInt32BE(at - 8) + 4 })), stores: chunks.length }
  },
  'image/webp': (bytes, parts) => {
    // type, length; a padding byte follows an odd length
    const chunks = parts.filter(({ at }) => bytes.toString('latin1', at - 8, at - 4) === 'C2PA')
    const ranges = chunks.map(({ at }) => {
      const length = bytes.readUInt32LE(at - 4)
      return { start: at - 8, end: Math.min(bytes.length, at + length + (length % 2)) }
    })
    return { ranges, stores: chunks.length }
  },
}

/** Marker and length of a segment precede its contents: `JP`, the number of a box, the number of its segment, and the header of the box (ISO/IEC 19566-5, D.2). */
const segmentHeaderBytes = 4
const boxAt = 8

/** A box may have several segments, each with the box's number. Other boxes of JUMBF, such as those of 360° pictures, are not credentials. */
function inSegments(bytes: Buffer, parts: readonly Part[]): FoundCredentials {
  const boxes = new Map<number, { ranges: ByteRange[]; isStore: boolean }>()
  for (const { at } of parts) {
    const start = at - segmentHeaderBytes
    if (start < 0 || bytes.readUInt16BE(start) !== 0xffeb) continue
    const end = start + 2 + bytes.readUInt16BE(start + 2)
    const contents = bytes.subarray(at, end)
    if (contents.length < boxAt + 8 || contents.toString('latin1', 0, 2) !== 'JP') continue
    const number = contents.readUInt16BE(2)
    const box = boxes.get(number) ?? { ranges: [], isStore: false }
    // not always the first one: segments that someone exchanged are unreadable credentials, not none
    box.isStore ||= isStore(contents.subarray(boxAt))
    box.ranges.push({ start, end })
    boxes.set(number, box)
  }
  const stores = [...boxes.values()].filter((box) => box.isStore)
  return { ranges: stores.flatMap(({ ranges }) => ranges), stores: stores.length }
}

/** Whether the beginning of a box is that of a manifest store, even if its header is damaged. */
const isStore = (box: Buffer): boolean => box.subarray(0, maxHeaderBytes).includes(storeType)
