import type { Content } from '@airlock/domain'

/**
 * The formats that begin with an `ftyp` box (ISO/IEC 14496-12, section 4.3), by brand (mp4ra.org lists them). MP4 shares its container with
 * QuickTime, HEIC, AVIF, 3GP and audio files, so the box alone does not identify it.
 */
const families: readonly (Content & { readonly brands: readonly string[] })[] = [
  { described: 'QuickTime', mediaType: null, brands: ['qt  '] },
  { described: 'AVIF', mediaType: null, brands: ['avif', 'avis'] },
  { described: 'HEIC', mediaType: null, brands: ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'] },
  { described: 'HEIF', mediaType: null, brands: ['mif1', 'mif2', 'msf1', 'miaf'] },
  { described: 'MPEG-4 audio', mediaType: null, brands: ['M4A ', 'M4B ', 'F4A ', 'F4B '] },
  {
    described: '3GP',
    mediaType: null,
    brands: [
      '3gp1',
      '3gp2',
      '3gp3',
      '3gp4',
      '3gp5',
      '3gp6',
      '3gp7',
      '3gp8',
      '3gp9',
      '3ge6',
      '3ge7',
      '3ge9',
      '3gf9',
      '3gg6',
      '3gg9',
      '3gh9',
    ],
  },
  { described: '3GP', mediaType: null, brands: ['3gm9', '3gr6', '3gr9', '3gs6', '3gs9', '3gt9', '3g2a', '3g2b', '3g2c', 'kddi'] },
  { described: 'JPEG 2000', mediaType: null, brands: ['jp2 ', 'jpx ', 'jpm ', 'mjp2', 'mj2s'] },
  { described: 'Canon raw', mediaType: null, brands: ['crx '] },
  // all variants of MP4: ISO base media, MPEG-4, AVC, Apple's and Adobe's, DASH, CMAF and smooth streaming, cameras and players
  {
    described: 'MP4',
    mediaType: 'video/mp4',
    brands: ['isom', 'iso2', 'iso3', 'iso4', 'iso5', 'iso6', 'iso7', 'iso8', 'iso9', 'isoa', 'isob', 'isoc'],
  },
  { described: 'MP4', mediaType: 'video/mp4', brands: ['mp41', 'mp42', 'mp71', 'avc1', 'avc3', 'hvc1', 'hev1', 'av01', 'dby1'] },
  { described: 'MP4', mediaType: 'video/mp4', brands: ['M4V ', 'M4VH', 'M4VP', 'M4P ', 'F4V ', 'F4P ', 'f4v '] },
  {
    described: 'MP4',
    mediaType: 'video/mp4',
    brands: ['dash', 'dsms', 'msdh', 'msix', 'sims', 'lmsg', 'cmfc', 'cmf2', 'cmff', 'cmfs', 'cmfl', 'piff', 'isml'],
  },
  {
    described: 'MP4',
    mediaType: 'video/mp4',
    brands: ['MSNV', 'XAVC', 'SDV ', 'ndas', 'ndsc', 'ndsh', 'ndsm', 'ndsp', 'ndss', 'ndxc', 'ndxh', 'ndxm', 'ndxp', 'ndxs'],
  },
]

const familyOf = new Map(families.flatMap(({ brands, ...family }) => brands.map((brand) => [brand, family] as const)))

const brandsFrom = 8

/**
 * The format that an `ftyp` box declares, or null if the file does not begin with one. The major brand decides; if it is unknown, the first known
 * compatible brand does.
 */
export function identifyIsoMedia(head: Uint8Array): Content | null {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
  if (text.slice(4, 8) !== 'ftyp' || text.length < 16) return null
  const boxBytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength).readUInt32BE(0)
  const major = text.slice(brandsFrom, brandsFrom + 4)
  const compatible = text.slice(16, Math.min(boxBytes, text.length)).match(/[\s\S]{4}/g) ?? []
  for (const brand of [major, ...compatible]) {
    const family = familyOf.get(brand)
    if (family) return family
  }
  return { mediaType: null, described: `media with the unknown brand '${major.replace(/[^ -~]/g, '?')}'` }
}
