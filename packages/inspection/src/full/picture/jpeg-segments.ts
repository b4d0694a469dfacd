import type { Part } from './anatomy.ts'

/** What application segments hold, by their marker and first bytes, first match first (ExifTool's "JPEG tags" lists those in use). */
const known: readonly (readonly [marker: number, begins: string, where: string, kind: Part['kind']])[] = [
  [0xe0, 'JFIF\0', 'its JFIF header', 'other'],
  [0xe1, 'Exif\0', 'its EXIF data', 'exif'],
  [0xe1, 'http://ns.adobe.com/xap/1.0/\0', 'its XMP data', 'xmp'],
  [0xe1, 'http://ns.adobe.com/xmp/extension/\0', 'its XMP data', 'xmp'],
  [0xe2, 'ICC_PROFILE\0', 'its colour profile', 'profile'],
  [0xe2, 'MPF\0', 'its list of pictures', 'pictures'],
  [0xed, 'Photoshop 3.0\0', 'its Photoshop data', 'other'],
  [0xfe, '', 'its comment', 'text'],
]

/** Which piece of a profile the segment has, and of how many. */
const profileNumberBytes = 2

/**
 * A comment or application segment as a part. Its bytes are without the name that they begin with.
 *
 * @param at where the segment's contents begin in the file
 */
export function partOf(marker: number, body: Buffer, at: number): Part {
  for (const [knownMarker, begins, where, kind] of known) {
    if (marker !== knownMarker || !body.subarray(0, begins.length).equals(Buffer.from(begins, 'latin1'))) continue
    const own = begins.length + (kind === 'profile' ? profileNumberBytes : 0)
    return { where, kind, bytes: body.subarray(own), at: at + own }
  }
  return { where: `its application segment ${marker - 0xe0}`, kind: 'other', bytes: body, at }
}
