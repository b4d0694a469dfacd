import { Corrupt } from '../bad-bytes.ts'
import type { Box } from './box-reader.ts'

/** What stands in which box and in no other (ISO/IEC 14496-12, table 1). A box that nobody lists may stand anywhere. */
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
 * Players that read a box wherever it stands see another movie than those that go by the structure, or none.
 *
 * @param parent the type of the box that it stands in, or `file`
 * @throws Corrupt
 */
export function assertPlaced({ type }: Box, parent: string): void {
  const place = placeOf.get(type)
  if (place !== undefined && place !== parent) throw new Corrupt(`the box '${type}' is not where it belongs`)
}
