import { Corrupt } from '../invalid-file.ts'

/** Tags of descriptors (ISO/IEC 14496-1, section 7.2.2.1). */
const elementaryStream = 3
const decoderConfig = 4
const decoderSpecific = 5

const malformed = () => new Corrupt("the box 'esds' is malformed")

/**
 * Decoders read the configuration in `esds`, and fail if it is longer than its box. Only that length is checked: decoders ignore the lengths of the
 * enclosing descriptors, and some encoders write wrong ones.
 *
 * @param entry the contents of a sample entry, in which `esds` may be nested, as QuickTime does
 * @throws Corrupt
 */
export function assertDecoderConfigFits(entry: Buffer): void {
  const type = entry.indexOf('esds')
  if (type < 4) return
  const box = entry.subarray(type + 4, type - 4 + entry.readUInt32BE(type - 4))
  try {
    const stream = descriptorAt(box, 4)
    if (stream.tag !== elementaryStream) return
    const config = descriptorAt(box, endOfStreamFields(box, stream.body))
    if (config.tag !== decoderConfig) return
    const specific = descriptorAt(box, config.body + 13)
    if (specific.tag === decoderSpecific && specific.body + specific.bytes > box.length) throw malformed()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error // the box ends before the configuration, so decoders do not use it
  }
}

/** @throws RangeError when the box ends first */
function descriptorAt(box: Buffer, at: number): { tag: number; body: number; bytes: number } {
  let bytes = 0
  for (let i = 1; ; i++) {
    const byte = box.readUInt8(at + i)
    bytes = bytes * 128 + (byte & 0x7f)
    if (byte < 0x80 || i === 4) return { tag: box.readUInt8(at), body: at + i + 1, bytes }
  }
}

/** An id and flags, then up to three fields that the flags declare (section 7.2.6.5). */
function endOfStreamFields(box: Buffer, at: number): number {
  const flags = box.readUInt8(at + 2)
  let end = at + 3
  if ((flags & 0x80) !== 0) end += 2
  if ((flags & 0x40) !== 0) end += 1 + box.readUInt8(end)
  if ((flags & 0x20) !== 0) end += 2
  return end
}
