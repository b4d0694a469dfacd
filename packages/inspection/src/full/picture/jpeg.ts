import type { ByteRange } from '../byte-range.ts'
import { Corrupt } from '../invalid-file.ts'
import type { SequentialScan } from './jpeg-blocks.ts'
import { type HuffmanTables, readHuffmanTables } from './jpeg-huffman.ts'
import { JpegScans, readFrame } from './jpeg-scans.ts'
import { type Part, PartList, type PictureStructure } from './picture-structure.ts'

const marker = { SOI: 0xd8, EOI: 0xd9, SOS: 0xda, DHT: 0xc4, DQT: 0xdb, DRI: 0xdd, DAC: 0xcc, COM: 0xfe } as const

const isRestart = (code: number): boolean => code >= 0xd0 && code <= 0xd7
const isApplication = (code: number): boolean => code >= 0xe0 && code <= 0xef

/** Coding processes of ITU-T T.81 that no browser supports. Baseline, extended and progressive Huffman coding are accepted. */
const unusualCodings: Readonly<Record<number, string>> = {
  195: 'lossless',
  197: 'differential',
  198: 'differential',
  199: 'differential',
  201: 'arithmetic',
  202: 'arithmetic',
  203: 'arithmetic',
  205: 'differential',
  206: 'differential',
  207: 'differential',
  204: 'arithmetic',
}

const frameMarkers: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2])

/** A JPEG's structure, and its sequential scans, whose blocks can be counted. */
export interface JpegStructure extends PictureStructure {
  readonly sequential: readonly SequentialScan[]
}

/** Bytes between segments that every decoder skips: one tool for content credentials leaves two. They are too few to contain anything. */
const maxStrayBytes = 16

const truncated = () => new Corrupt('it is truncated')

/**
 * Parses the marker segments and scans of a JPEG from SOI to EOI (ITU-T T.81, annex B).
 *
 * @throws Corrupt for everything that the standard does not allow, or that is missing
 */
export function parseJpeg(bytes: Buffer): JpegStructure {
  return new JpegParser(bytes).parse()
}

class JpegParser {
  readonly #bytes: Buffer
  readonly #parts = new PartList()
  #at = 2
  #scans: JpegScans | null = null
  #restartInterval = 0
  readonly #tables: HuffmanTables = new Map()
  readonly #sequential: SequentialScan[] = []
  readonly #strays: ByteRange[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  parse(): JpegStructure {
    if (this.#bytes.readUInt16BE(0) !== 0xff00 + marker.SOI) throw new Corrupt('it does not begin with a start marker')
    for (let code = this.#nextMarker(); code !== marker.EOI; code = this.#nextMarker()) this.#segment(code)
    if (this.#scans === null) throw new Corrupt('it contains no picture')
    this.#scans.assertComplete()
    const { width, height } = this.#scans.frame
    return { width, height, frames: 1, end: this.#at, parts: this.#parts.all, strays: this.#strays, sequential: this.#sequential }
  }

  /** Any number of fill bytes 0xFF may precede a marker. */
  #nextMarker(): number {
    if (this.#at + 2 > this.#bytes.length) throw truncated()
    if (this.#bytes[this.#at] !== 0xff) this.#skipStrayBytes()
    while (this.#bytes[this.#at] === 0xff) this.#at++
    const code = this.#bytes[this.#at++]
    if (code === undefined) throw truncated()
    return code
  }

  /** @throws Corrupt if there are too many, or they are not before the pixels */
  #skipStrayBytes(): void {
    const start = this.#at
    const end = this.#bytes.indexOf(0xff, start)
    const before = this.#strays.reduce((sum, stray) => sum + stray.end - stray.start, 0)
    if (end < 0 || before + end - start > maxStrayBytes || this.#sequential.length > 0) {
      throw new Corrupt(`there are stray bytes at byte ${start}`)
    }
    this.#strays.push({ start, end })
    this.#at = end
  }

  #segment(code: number): void {
    const start = this.#at
    if (code < 0xc0 || code === marker.SOI || isRestart(code)) throw new Corrupt(`there is a misplaced marker at byte ${start - 2}`)
    const body = this.#segmentBody()
    if (isApplication(code) || code === marker.COM) this.#parts.add(partOf(code, body, start + 2))
    else this.#tableOrFrame(code, body)
  }

  #segmentBody(): Buffer {
    const start = this.#at
    if (start + 2 > this.#bytes.length) throw truncated()
    const length = this.#bytes.readUInt16BE(start)
    if (length < 2) throw new Corrupt(`the segment at byte ${start - 2} has an invalid length`)
    this.#at = start + length
    if (this.#at > this.#bytes.length) throw truncated()
    return this.#bytes.subarray(start + 2, this.#at)
  }

  #tableOrFrame(code: number, body: Buffer): void {
    const unusual = unusualCodings[code]
    if (unusual) throw new Corrupt(`it uses the ${unusual} coding, which browsers do not support`)
    if (frameMarkers.has(code)) {
      if (this.#scans) throw new Corrupt('it has two frame headers')
      this.#scans = new JpegScans(readFrame(body, code === 0xc2))
    } else if (code === marker.SOS) {
      if (!this.#scans) throw new Corrupt('its pixels precede its frame header')
      this.#scan(this.#scans, body)
    } else if (code === marker.DRI) {
      if (body.length !== 2) throw new Corrupt('its restart interval is malformed')
      this.#restartInterval = body.readUInt16BE(0)
    } else if (code === marker.DQT) checkQuantization(body)
    else if (code === marker.DHT) readHuffmanTables(body, this.#tables)
  }

  #scan(scans: JpegScans, header: Buffer): void {
    const components = scans.begin(header)
    const sequential = !scans.frame.progressive
    if (sequential) {
      this.#sequential.push({
        at: this.#at,
        frame: scans.frame,
        components,
        tables: new Map(this.#tables),
        restartInterval: this.#restartInterval,
      })
    }
    this.#codedData()
  }

  /** Skips entropy-coded data up to the next marker. 0xFF in it is followed by 0; restart markers count from 0 to 7 repeatedly. */
  #codedData(): void {
    let restart = 0
    for (;;) {
      const at = this.#bytes.indexOf(0xff, this.#at)
      if (at < 0 || at + 1 >= this.#bytes.length) throw truncated()
      const code = this.#bytes[at + 1] ?? 0
      this.#at = at + (code === 0xff ? 1 : 2)
      if (isRestart(code)) {
        if (this.#restartInterval === 0 || code !== 0xd0 + (restart++ & 7))
          throw new Corrupt(`there is a restart marker out of order at byte ${at}`)
      } else if (code !== 0 && code !== 0xff) {
        this.#at = at
        return
      }
    }
  }
}

/** One or more tables: precision and id in one byte, then 64 values of 8 or 16 bits (B.2.4.1). */
function checkQuantization(body: Buffer): void {
  let at = 0
  while (at < body.length) {
    const head = body[at] ?? 0
    if (head >> 4 > 1 || (head & 15) > 3) throw new Corrupt('its quantization table is malformed')
    at += 1 + (head >> 4 === 1 ? 128 : 64)
  }
  if (at !== body.length) throw new Corrupt('its quantization table is malformed')
}

/** Contents of application segments by marker and first bytes; the first match counts (ExifTool's "JPEG tags" lists those in use). */
const knownSegments: readonly (readonly [marker: number, begins: string, where: string, kind: Part['kind']])[] = [
  [0xe0, 'JFIF\0', 'its JFIF header', 'other'],
  [0xe1, 'Exif\0', 'its EXIF data', 'exif'],
  [0xe1, 'http://ns.adobe.com/xap/1.0/\0', 'its XMP data', 'xmp'],
  [0xe1, 'http://ns.adobe.com/xmp/extension/\0', 'its XMP data', 'xmp'],
  [0xe2, 'ICC_PROFILE\0', 'its colour profile', 'profile'],
  [0xe2, 'MPF\0', 'its list of pictures', 'pictures'],
  [0xed, 'Photoshop 3.0\0', 'its Photoshop data', 'other'],
  [0xfe, '', 'its comment', 'text'],
]

/** A segment of a profile contains its number, and the number of segments. */
const profileNumberBytes = 2

/**
 * A comment or application segment as a part, without the identifier at its beginning.
 *
 * @param at offset of the segment's contents in the file
 */
function partOf(marker: number, body: Buffer, at: number): Part {
  for (const [knownMarker, begins, where, kind] of knownSegments) {
    if (marker !== knownMarker || !body.subarray(0, begins.length).equals(Buffer.from(begins, 'latin1'))) continue
    const own = begins.length + (kind === 'profile' ? profileNumberBytes : 0)
    return { where, kind, bytes: body.subarray(own), at: at + own }
  }
  return { where: `its application segment ${marker - 0xe0}`, kind: 'other', bytes: body, at }
}
