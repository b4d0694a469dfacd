import { Corrupt } from '../invalid-file.ts'
import { assertPlaced } from './box-placement.ts'
import { type Box, type BoxReader, boxesIn } from './box-reader.ts'
import { type CodecConfig, codecConfig } from './codecs.ts'
import { assertDecoderConfigFits } from './descriptors.ts'
import type { TableBoxes } from './sample-tables.ts'

export interface Track {
  readonly id: number
  /** `vide`, `soun`, `text` …, or null if the track does not declare it. */
  readonly handler: string | null
  /** As shown, in pixels, before rotation. */
  readonly width: number
  readonly height: number
  /** Clockwise rotation in degrees; null if it is mirrored, or not rotated by a multiple of 90. */
  readonly rotation: 0 | 90 | 180 | 270 | null
  /** Units per second. */
  readonly timescale: number
  /** The type of its first sample entry: `avc1`, `hvc1`, `mp4a` …. */
  readonly codec: string
  readonly config: CodecConfig | null
  readonly tables: TableBoxes
}

/** Boxes whose children are read. Other nested boxes are skipped, so that the depth is bounded. */
const containerBoxes: ReadonlySet<string> = new Set([
  'trak/edts',
  'trak/mdia',
  'trak/mdia/minf',
  'trak/mdia/minf/dinf',
  'trak/mdia/minf/stbl',
])

/** Maximum width and height, as in the highest levels of current codecs. */
const maxSide = 16_384

/** Far more than any encoder needs: a sample entry with its parameter sets has a few hundred bytes. */
const maxDescriptionBytes = 1024 * 1024

/** Size of the fields of a visual sample entry before its child boxes (ISO/IEC 14496-12, section 12.1.3). */
const visualEntryBytes = 78

/**
 * Reads the headers of a track, and finds its sample tables.
 *
 * @throws Corrupt if a box is missing, occurs twice, or is invalid
 */
export async function readTrack(boxes: BoxReader, trak: Box): Promise<Track> {
  const found = await boxesOfTrack(boxes, trak)
  const header = await readHeader(boxes, required(found, 'trak/tkhd'))
  const timescale = await readTimescale(boxes, required(found, 'trak/mdia/mdhd'))
  const handler = (await boxes.contents(required(found, 'trak/mdia/hdlr'), 12)).toString('latin1', 8, 12).replace(/[^ -~]/g, '?')
  for (const [path, box] of found) await assertFits(boxes, path, box)
  const references = found.get('trak/mdia/minf/dinf/dref')
  if (references) await assertSelfContained(boxes, references)
  const description = await readDescription(boxes, required(found, 'trak/mdia/minf/stbl/stsd'), handler)
  const size = header.width > 0 && header.height > 0 ? header : { ...header, ...description.size }
  const tables = new Map(
    [...found].filter(([path]) => path.startsWith(tablesPath)).map(([path, box]) => [path.slice(tablesPath.length), box]),
  )
  return { ...size, handler, timescale, codec: description.codec, config: description.config, tables }
}

const tablesPath = 'trak/mdia/minf/stbl/'

/** Boxes that are read must occur only once. */
const uniqueBoxes: ReadonlySet<string> = new Set(
  ['tkhd', 'mdia', 'mdia/mdhd', 'mdia/hdlr', 'mdia/minf', 'mdia/minf/dinf', 'mdia/minf/dinf/dref', 'mdia/minf/stbl']
    .map((path) => `trak/${path}`)
    .concat(['stsd', 'stts', 'stsc', 'stsz', 'stco', 'co64'].map((type) => tablesPath + type)),
)

async function boxesOfTrack(boxes: BoxReader, trak: Box): Promise<Map<string, Box>> {
  const found = new Map<string, Box>()
  for await (const { path, box } of descendants(boxes, trak, 'trak')) {
    if (uniqueBoxes.has(path) && found.has(path)) throw new Corrupt(`a track has two boxes '${box.type}'`)
    if (!found.has(path)) found.set(path, box)
  }
  return found
}

async function* descendants(boxes: BoxReader, parent: Box, parentPath: string): AsyncGenerator<{ path: string; box: Box }> {
  for await (const box of boxes.between(parent.body, parent.end)) {
    assertPlaced(box, parent.type)
    const path = `${parentPath}/${box.type}`
    yield { path, box }
    if (containerBoxes.has(path)) yield* descendants(boxes, box, path)
  }
}

function required(found: ReadonlyMap<string, Box>, path: string): Box {
  const box = found.get(path)
  if (!box) throw new Corrupt(`a track has no box '${path.slice(path.lastIndexOf('/') + 1)}'`)
  return box
}

/**
 * Tables that are not read, only measured: bytes before the count, and bytes of a row, by version. Players read as many rows as are declared, also
 * beyond the end of the box.
 */
const countedTables: Readonly<Record<string, readonly { readonly count: number; readonly row: number }[]>> = {
  'trak/edts/elst': [
    { count: 4, row: 12 },
    { count: 4, row: 20 },
  ],
  'trak/mdia/minf/stbl/ctts': [
    { count: 4, row: 8 },
    { count: 4, row: 8 },
  ],
  'trak/mdia/minf/stbl/stss': [{ count: 4, row: 4 }],
  'trak/mdia/minf/stbl/stps': [{ count: 4, row: 4 }],
  'trak/mdia/minf/stbl/stsh': [{ count: 4, row: 8 }],
  'trak/mdia/minf/stbl/sbgp': [
    { count: 8, row: 8 },
    { count: 12, row: 8 },
  ],
  'trak/mdia/minf/stbl/sgpd': [
    { count: 8, row: 0 },
    { count: 12, row: 1 },
  ],
}

async function assertFits(boxes: BoxReader, path: string, box: Box): Promise<void> {
  const versions = countedTables[path]
  if (!versions) return
  const version = (await boxes.contents(box, 1))[0] ?? 0
  const layout = versions[version] ?? versions.at(-1)
  if (!layout) return
  const count = (await boxes.contents(box, layout.count + 4)).readUInt32BE(layout.count)
  if (layout.count + 4 + count * layout.row > box.end - box.body)
    throw new Corrupt(`the box '${box.type}' declares more entries than it contains`)
}

async function readHeader(boxes: BoxReader, tkhd: Box): Promise<Pick<Track, 'id' | 'width' | 'height' | 'rotation'>> {
  const isVersion1 = await boxes.hasLongTimes(tkhd)
  const contents = await boxes.contents(tkhd, isVersion1 ? 96 : 84)
  const [id, matrix, size] = isVersion1 ? [20, 52, 88] : [12, 40, 76]
  return {
    id: contents.readUInt32BE(id),
    rotation: rotationOf(contents.subarray(matrix, matrix + 36)),
    width: pixels(contents, size),
    height: pixels(contents, size + 4),
  }
}

/** The rotations by the first two columns of the first two rows of the matrix, each 0 or ±1 (section 6.2.2). */
const rotations: Readonly<Record<string, 0 | 90 | 180 | 270>> = {
  '1,0,0,1': 0,
  '0,1,-1,0': 90,
  '-1,0,0,-1': 180,
  '0,-1,1,0': 270,
  '0,0,0,0': 0,
}

function rotationOf(matrix: Buffer): Track['rotation'] {
  const numbers = [0, 4, 12, 16].map((at) => matrix.readInt32BE(at) / 0x1_0000)
  return rotations[numbers.join(',')] ?? null
}

/** A length in 16.16 fixed point. */
const pixels = (contents: Buffer, at: number): number => Math.round(contents.readUInt32BE(at) / 0x1_0000)

async function readTimescale(boxes: BoxReader, mdhd: Box): Promise<number> {
  const isVersion1 = await boxes.hasLongTimes(mdhd)
  const contents = await boxes.contents(mdhd, isVersion1 ? 32 : 20)
  const timescale = contents.readUInt32BE(isVersion1 ? 20 : 12)
  if (timescale === 0) throw new Corrupt("the box 'mdhd' has a timescale of 0")
  return timescale
}

/**
 * Media must not be in another file. Flag 1 declares that it is in this one (section 8.7.2), for every type of reference: URLs, URNs, and the aliases
 * of QuickTime. Some players follow a path in spite of the flag; so there must be none.
 */
async function assertSelfContained(boxes: BoxReader, dref: Box): Promise<void> {
  const contents = await boxes.contents(dref, Math.min(dref.end - dref.body, maxDescriptionBytes))
  if (contents.length < 8) throw new Corrupt("the box 'dref' is too short")
  const entries = [...boxesIn(contents.subarray(8), 'dref')]
  if (contents.readUInt32BE(4) !== entries.length) throw new Corrupt("the box 'dref' declares more entries than it contains")
  for (const { contents: entry } of entries) {
    const isSelfContained = entry.length >= flagsBytes && (entry.readUInt32BE(0) & 1) === 1
    if (!isSelfContained || entry.subarray(flagsBytes).some((byte) => byte !== 0)) throw new Corrupt('its media is in another file')
  }
}

/** A version, and flags. */
const flagsBytes = 4

/** Sample entries of encrypted media (ISO/IEC 14496-12, section 8.12; the last two are Apple's), which clients can't play. */
const encrypted: ReadonlySet<string> = new Set(['encv', 'enca', 'enct', 'encs', 'encm', 'drmi', 'drms'])

interface Description {
  readonly codec: string
  readonly config: CodecConfig | null
  readonly size: { width: number; height: number }
}

async function readDescription(boxes: BoxReader, stsd: Box, handler: string): Promise<Description> {
  if (stsd.end - stsd.body > maxDescriptionBytes) throw new Corrupt("the box 'stsd' is too large")
  const contents = await boxes.contents(stsd, stsd.end - stsd.body)
  if (contents.length < 16) throw new Corrupt("the box 'stsd' is too short")
  const entries = [...boxesIn(contents.subarray(8), 'stsd')]
  const first = entries[0]
  if (!first || contents.readUInt32BE(4) !== entries.length) throw new Corrupt("the box 'stsd' declares more entries than it contains")
  if (entries.some(({ type }) => encrypted.has(type))) throw new Corrupt('its media is encrypted')
  for (const { contents: entry } of entries) assertDecoderConfigFits(entry)
  if (handler !== 'vide') return { codec: first.type, config: null, size: { width: 0, height: 0 } }
  const configs = entries.map(({ type, contents: entry }) => {
    if (entry.length < visualEntryBytes) throw new Corrupt(`the box '${type}' is too short`)
    return codecConfig(type, entry.subarray(visualEntryBytes))
  })
  const size = { width: first.contents.readUInt16BE(24), height: first.contents.readUInt16BE(26) }
  if (size.width === 0 || size.height === 0 || size.width > maxSide || size.height > maxSide) {
    throw new Corrupt(`the box '${first.type}' declares ${size.width} × ${size.height} pixels`)
  }
  return { codec: first.type, config: configs[0] ?? null, size }
}
