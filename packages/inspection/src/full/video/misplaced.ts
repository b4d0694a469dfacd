import { Corrupt } from '../bad-bytes.ts'
import type { Box } from './box-reader.ts'

const ofTracks = [
  'tkhd',
  'mdia',
  'mdhd',
  'minf',
  'vmhd',
  'smhd',
  'dinf',
  'dref',
  'edts',
  'elst',
  'stbl',
  'stsd',
  'stts',
  'ctts',
  'stss',
] as const
const ofTables = ['stsc', 'stsz', 'stz2', 'stco', 'co64'] as const
const ofMovies = ['mvhd', 'trak', 'mvex', 'trex'] as const
const ofFragments = ['mfhd', 'traf', 'tfhd', 'tfdt', 'trun'] as const

/** Boxes that have their place further inside, by where they stand instead (ISO/IEC 14496-12, table 1). */
const strangers = {
  file: new Set<string>([...ofMovies, ...ofTracks, ...ofTables, ...ofFragments]),
  movie: new Set<string>([...ofTracks, ...ofTables, ...ofFragments]),
}

/**
 * Players that read a box wherever it stands see another movie than those that go by the structure, or none.
 *
 * @throws Corrupt
 */
export function assertPlaced({ type }: Box, within: keyof typeof strangers): void {
  if (strangers[within].has(type)) throw new Corrupt(`the box '${type}' is not where it belongs`)
}
