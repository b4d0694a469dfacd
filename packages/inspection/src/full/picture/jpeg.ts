import { Corrupt } from '../bad-bytes.ts'
import { type Anatomy, PartList, type Stretch } from './anatomy.ts'
import type { SequentialScan } from './jpeg-blocks.ts'
import { type HuffmanTables, takeHuffman } from './jpeg-huffman.ts'
import { JpegScans, readFrame } from './jpeg-scans.ts'
import { partOf } from './jpeg-segments.ts'

const marker = { SOI: 0xd8, EOI: 0xd9, SOS: 0xda, DHT: 0xc4, DQT: 0xdb, DRI: 0xdd, DAC: 0xcc, COM: 0xfe } as const

const isRestart = (code: number): boolean => code >= 0xd0 && code <= 0xd7
const isApplication = (code: number): boolean => code >= 0xe0 && code <= 0xef

/** Codings of ITU-T T.81 that nobody uses for photos and no browser shows. Baseline, extended and progressive Huffman are left. */
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

/** A JPEG's structure, and its scans that can be counted code by code. */
export interface JpegAnatomy extends Anatomy {
  readonly sequential: readonly SequentialScan[]
}

/** Bytes between segments that every decoder skips: a writer of content credentials leaves two. Nothing fits into so few. */
const toleratedStrays = 16

const cutOff = () => new Corrupt('it ends before the picture does')

/**
 * Follows the markers of a JPEG from SOI to the EOI that ends it (ITU-T T.81, annex B), through the coded data of all scans.
 *
 * @throws Corrupt for anything that the standard does not allow there, or that is missing
 */
export function walkJpeg(bytes: Buffer): JpegAnatomy {
  return new JpegWalk(bytes).walk()
}

class JpegWalk {
  readonly #bytes: Buffer
  readonly #parts = new PartList()
  #at = 2
  #scans: JpegScans | null = null
  #restartInterval = 0
  readonly #tables: HuffmanTables = new Map()
  readonly #sequential: SequentialScan[] = []
  readonly #strays: Stretch[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  walk(): JpegAnatomy {
    if (this.#bytes.readUInt16BE(0) !== 0xff00 + marker.SOI) throw new Corrupt('it does not begin as a JPEG does')
    for (let code = this.#nextMarker(); code !== marker.EOI; code = this.#nextMarker()) this.#segment(code)
    if (this.#scans === null) throw new Corrupt('it has no picture in it')
    this.#scans.assertComplete()
    const { width, height } = this.#scans.frame
    return { width, height, frames: 1, end: this.#at, parts: this.#parts.all, strays: this.#strays, sequential: this.#sequential }
  }

  /** Markers may be filled up with any number of 0xFF before them. */
  #nextMarker(): number {
    if (this.#at + 2 > this.#bytes.length) throw cutOff()
    if (this.#bytes[this.#at] !== 0xff) this.#passStrays()
    while (this.#bytes[this.#at] === 0xff) this.#at++
    const code = this.#bytes[this.#at++]
    if (code === undefined) throw cutOff()
    return code
  }

  /** @throws Corrupt when there are more than any decoder should skip, or they are not in front of the pixels */
  #passStrays(): void {
    const start = this.#at
    const end = this.#bytes.indexOf(0xff, start)
    const before = this.#strays.reduce((sum, stray) => sum + stray.end - stray.start, 0)
    if (end < 0 || before + end - start > toleratedStrays || this.#sequential.length > 0) {
      throw new Corrupt(`there are stray bytes in it at byte ${start}`)
    }
    this.#strays.push({ start, end })
    this.#at = end
  }

  #segment(code: number): void {
    const start = this.#at
    if (code < 0xc0 || code === marker.SOI || isRestart(code)) throw new Corrupt(`there is a marker out of place at byte ${start - 2}`)
    const body = this.#segmentBody()
    if (isApplication(code) || code === marker.COM) this.#parts.add(partOf(code, body, start + 2))
    else this.#tableOrFrame(code, body)
  }

  #segmentBody(): Buffer {
    const start = this.#at
    if (start + 2 > this.#bytes.length) throw cutOff()
    const length = this.#bytes.readUInt16BE(start)
    if (length < 2) throw new Corrupt(`the segment at byte ${start - 2} has an impossible length`)
    this.#at = start + length
    if (this.#at > this.#bytes.length) throw cutOff()
    return this.#bytes.subarray(start + 2, this.#at)
  }

  #tableOrFrame(code: number, body: Buffer): void {
    const unusual = unusualCodings[code]
    if (unusual) throw new Corrupt(`it uses the ${unusual} coding, which browsers do not show`)
    if (frameMarkers.has(code)) {
      if (this.#scans) throw new Corrupt('it has two frame headers')
      this.#scans = new JpegScans(readFrame(body, code === 0xc2))
    } else if (code === marker.SOS) {
      if (!this.#scans) throw new Corrupt('its pixels come before its frame header')
      this.#scan(this.#scans, body)
    } else if (code === marker.DRI) {
      if (body.length !== 2) throw new Corrupt('its restart interval is malformed')
      this.#restartInterval = body.readUInt16BE(0)
    } else if (code === marker.DQT) checkQuantization(body)
    else if (code === marker.DHT) takeHuffman(body, this.#tables)
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

  /** Huffman codes up to the next marker. 0xFF in them is followed by 0; restart markers count from 0 to 7 and over again. */
  #codedData(): void {
    let restart = 0
    for (;;) {
      const at = this.#bytes.indexOf(0xff, this.#at)
      if (at < 0 || at + 1 >= this.#bytes.length) throw cutOff()
      const code = this.#bytes[at + 1] ?? 0
      this.#at = at + (code === 0xff ? 1 : 2)
      if (isRestart(code)) {
        if (this.#restartInterval === 0 || code !== 0xd0 + (restart++ & 7))
          throw new Corrupt(`there is a restart out of order at byte ${at}`)
      } else if (code !== 0 && code !== 0xff) {
        this.#at = at
        return
      }
    }
  }
}

/** One or more tables: precision and id in a byte, then 64 values of 8 or 16 bits (B.2.4.1). */
function checkQuantization(body: Buffer): void {
  let at = 0
  while (at < body.length) {
    const head = body[at] ?? 0
    if (head >> 4 > 1 || (head & 15) > 3) throw new Corrupt('its quantization table is malformed')
    at += 1 + (head >> 4 === 1 ? 128 : 64)
  }
  if (at !== body.length) throw new Corrupt('its quantization table is malformed')
}
