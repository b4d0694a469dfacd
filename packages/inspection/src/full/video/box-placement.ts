import { Corrupt } from '../invalid-file.ts'
import type { Box } from './box-reader.ts'

/** Boxes that are allowed in one parent only (ISO/IEC 14496-12, table 1). Boxes that are not listed may be anywhere. */
const places: Readonly<Record<string, readonly string[]>> = {
  moov: ['mvhd', 'trak', 'mvex'],
  mvex: ['trex'],
  trak: ['tkhd', 'edts', 'mdia'],
  edts: ['elst'],
  mdia: ['mdhd', 'minf'],
  minf: ['vmhd', 'smhd', 'dinf', 'stbl'],
  dinf: ['dref'],
  stbl: ['stsd', 'stts', 'ctts', 'stss', 'stsc', 'stsz', 'stz2', 'stco', 'co64'],
  'a sample entry': ['esds', 'avcC', 'hvcC', 'av1C', 'vpcC'],
  moof: ['mfhd', 'traf'],
  traf: ['tfhd', 'tfdt', 'trun'],
}
const placeOf: ReadonlyMap<string, string> = new Map(
  Object.entries(places).flatMap(([parent, types]) => types.map((type) => [type, parent] as const)),
)

/**
 * Some players read a box wherever it is, so that a misplaced one makes them show another movie than others.
 *
 * @param parent type of the parent box, or `file`
 * @throws Corrupt
 */
export function assertPlaced({ type }: Box, parent: string): void {
  const place = placeOf.get(type)
  if (place !== undefined && place !== parent) throw new Corrupt(`the box '${type}' is misplaced`)
}
