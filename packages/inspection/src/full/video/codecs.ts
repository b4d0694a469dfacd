import { Corrupt } from '../invalid-file.ts'
import { type BoxReader, boxesIn } from './box-reader.ts'
import type { Sample } from './sample-tables.ts'

/** The data of a codec's configuration box that is needed to check samples. */
export interface CodecConfig {
  /** Size of the length field before each NAL unit. */
  readonly lengthBytes: number
}

interface CodecRow {
  /** The box in the sample entry that every decoder needs. */
  readonly configBox: string
  /** @throws Corrupt, or RangeError if the box is too short */
  readonly readConfig: (contents: Buffer) => CodecConfig
  /** Whether a sample has the structure of this codec. */
  readonly isSample: (boxes: BoxReader, sample: Sample, config: CodecConfig) => Promise<boolean>
}

const malformed = (box: string) => new Corrupt(`the box '${box}' is malformed`)

/** H.264 (ISO/IEC 14496-15, section 5.3.3): parameter sets, each after its length. */
function readAvc(contents: Buffer): CodecConfig {
  if (contents[0] !== 1) throw malformed('avcC')
  let at = 5
  for (const [mask, kind] of [
    [31, 7],
    [255, 8],
  ] as const) {
    const count = contents.readUInt8(at++) & mask
    for (let i = 0; i < count; i++) {
      const length = contents.readUInt16BE(at)
      if (length === 0 || at + 2 + length > contents.length || (contents.readUInt8(at + 2) & 31) !== kind) throw malformed('avcC')
      at += 2 + length
    }
  }
  return { lengthBytes: (contents.readUInt8(4) & 3) + 1 }
}

/** H.265 (section 8.3.3): arrays of NAL units, each after its length. */
function readHevc(contents: Buffer): CodecConfig {
  if (contents.length < 23 || (contents[0] ?? 0) > 1) throw malformed('hvcC')
  let at = 23
  for (let arrays = contents.readUInt8(22); arrays > 0; arrays--) {
    const units = contents.readUInt16BE(at + 1)
    at += 3
    for (let i = 0; i < units; i++) at += 2 + contents.readUInt16BE(at)
  }
  if (at > contents.length) throw malformed('hvcC')
  return { lengthBytes: (contents.readUInt8(21) & 3) + 1 }
}

/** AV1: a marker and a version in the first byte. */
function readAv1(contents: Buffer): CodecConfig {
  if (contents.length < 4 || contents[0] !== 0x81) throw malformed('av1C')
  return { lengthBytes: 0 }
}

/** VP8 and VP9: profile, level and depth, then the length of the rest. */
function readVp(contents: Buffer): CodecConfig {
  if (contents.length < 12 || (contents[0] ?? 0) > 1) throw malformed('vpcC')
  if (12 + contents.readUInt16BE(10) > contents.length) throw malformed('vpcC')
  return { lengthBytes: 0 }
}

/** Units that are checked per sample. Only slices make more, and the first ones suffice. */
const maxUnits = 64

/** NAL units of H.264 or H.265, each after its length, must fill the sample exactly, and have a valid header. */
const unitsOf =
  (headBytes: number, isUnit: (head: Buffer) => boolean): CodecRow['isSample'] =>
  async (boxes, { offset, bytes }, { lengthBytes }) => {
    let at = 0
    for (let units = 0; at < bytes && units < maxUnits; units++) {
      if (at + lengthBytes + headBytes > bytes) return false
      const head = await boxes.bytes(offset + at, lengthBytes + headBytes)
      const length = head.readUIntBE(0, lengthBytes)
      if (length < headBytes || at + lengthBytes + length > bytes || !isUnit(head.subarray(lengthBytes))) return false
      at += lengthBytes + length
    }
    return true
  }

/** The first bit is 0; type 0 does not exist. */
const isAvcUnit = ([head = 0]: Buffer): boolean => (head & 0x80) === 0 && (head & 31) !== 0
/** The first bit is 0; the temporal id starts at 1. */
const isHevcUnit = ([head = 0, second = 0]: Buffer): boolean => (head & 0x80) === 0 && (second & 7) !== 0

/** OBUs declare their sizes, and fill the sample (AV1 specification, section 5.3). */
const isAv1Sample: CodecRow['isSample'] = async (boxes, { offset, bytes }) => {
  let at = 0
  for (let units = 0; at < bytes && units < maxUnits; units++) {
    const head = await boxes.bytes(offset + at, Math.min(10, bytes - at))
    const first = head[0] ?? 0
    if ((first & 0x81) !== 0) return false
    const sizeAt = (first & 4) === 0 ? 1 : 2
    if ((first & 2) === 0) return true
    const size = leb128(head, sizeAt)
    if (size === null || at + size.end + size.value > bytes) return false
    at += size.end + size.value
  }
  return true
}

function leb128(bytes: Buffer, from: number): { value: number; end: number } | null {
  let value = 0
  for (let i = 0; i < 8; i++) {
    const byte = bytes[from + i]
    if (byte === undefined) return null
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: from + i + 1 }
  }
  return null
}

/** Frames of VP9 begin with the bits 10. */
const isVp9Sample: CodecRow['isSample'] = async (boxes, { offset }) => ((await boxes.bytes(offset, 1))[0] ?? 0) >> 6 === 2

/** Key frames of VP8 have a start code; other frames may begin with any byte. */
const isVp8Sample: CodecRow['isSample'] = async (boxes, { offset, bytes }) => {
  const head = await boxes.bytes(offset, Math.min(bytes, 6))
  return ((head[0] ?? 1) & 1) === 1 || (head.length === 6 && head.readUIntBE(3, 3) === 0x9d012a)
}

const avc: CodecRow = { configBox: 'avcC', readConfig: readAvc, isSample: unitsOf(1, isAvcUnit) }
const hevc: CodecRow = { configBox: 'hvcC', readConfig: readHevc, isSample: unitsOf(2, isHevcUnit) }

/** Codecs whose samples are checked. Others that MP4 may contain (MPEG-4 part 2, Motion JPEG …) pass if their structure is valid. */
const codecs: Readonly<Record<string, CodecRow>> = {
  avc1: avc,
  avc3: avc,
  dva1: avc,
  dvav: avc,
  hvc1: hevc,
  hev1: hevc,
  dvh1: hevc,
  dvhe: hevc,
  av01: { configBox: 'av1C', readConfig: readAv1, isSample: isAv1Sample },
  vp08: { configBox: 'vpcC', readConfig: readVp, isSample: isVp8Sample },
  vp09: { configBox: 'vpcC', readConfig: readVp, isSample: isVp9Sample },
}

/**
 * Reads a codec's configuration from its sample entry.
 *
 * @param extensions the boxes of the sample entry
 * @returns null for codecs whose samples are not checked
 * @throws Corrupt if it is missing or malformed
 */
export function codecConfig(codec: string, extensions: Buffer): CodecConfig | null {
  const row = codecs[codec]
  if (!row) return null
  for (const { type, contents } of boxesIn(extensions, codec)) {
    if (type !== row.configBox) continue
    try {
      return row.readConfig(contents)
    } catch (error) {
      throw error instanceof RangeError ? malformed(type) : error
    }
  }
  throw new Corrupt(`the box '${codec}' has no box '${row.configBox}'`)
}

/** @throws Corrupt if a sample does not have the structure of its codec */
export async function assertSamples(
  boxes: BoxReader,
  codec: string,
  config: CodecConfig | null,
  samples: readonly Sample[],
): Promise<void> {
  const row = codecs[codec]
  if (!row || config === null) return
  for (const sample of samples) {
    if (!(await row.isSample(boxes, sample, config))) throw new Corrupt(`its media is not valid '${codec}' data`)
  }
}
