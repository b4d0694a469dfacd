import { type CorpusFile, good, original } from '../corpus-file.ts'
import { canonData, exif, exifWith, samsungTrailer, withSegments, xmpPacket } from '../surgery/jpeg.ts'
import { randomBytes } from '../surgery/payloads.ts'
import { afcp, fotoStation, insta360, mie, nikonApp, photoMechanic, qdio, vivo } from '../surgery/trailers.ts'

const photo = () => original('im-baseline.jpg')
const preview = () => original('turbo-grey.jpg')
const behind = (...what: Buffer[]) => Buffer.concat([photo(), ...what])
const caption = Buffer.from('1c02780007caption', 'latin1')

/** A maker note that contains the offset of a preview among other numbers. */
function withPreview(placeFrom: 'file' | 'tiff', gap = 0): Buffer {
  const note = Buffer.alloc(40)
  const build = () => withSegments(photo(), exif(exifWith(0x927c, note, 7)))
  const tiffAt = build().indexOf('MM\0*', 0, 'latin1')
  note.writeUInt32BE(build().length + gap - (placeFrom === 'tiff' ? tiffAt : 0), 17)
  note.writeUInt32BE(preview().length, 29)
  return Buffer.concat([build(), Buffer.alloc(gap), preview()])
}

/** Trailers that cameras and editors write after a picture. */
export const goodJpegTrailers: readonly CorpusFile[] = [
  good('preview-in-maker-note.jpg', "a preview after its end, whose offset is in a maker's note from the start of the TIFF", () =>
    withPreview('tiff'),
  ),
  good('preview-from-file.jpg', "a preview after its end, whose offset is in a maker's note from the start of the file", () =>
    withPreview('file'),
  ),
  good('preview-padded.jpg', 'a preview at the next block boundary', () => Buffer.concat([withPreview('tiff', 508), Buffer.alloc(300)])),
  good('preview-other-first-byte.jpg', "a preview whose first byte is another, as Minolta's cameras write it", () => {
    const whole = Buffer.from(withPreview('tiff', 508))
    whole[whole.length - preview().length] = 0
    return whole
  }),
  good('fotostation.jpg', "FotoStation's records: caption, crop and preview", () =>
    behind(fotoStation(1, caption), fotoStation(2, Buffer.alloc(48)), fotoStation(4, preview())),
  ),
  good('photo-mechanic.jpg', "Photo Mechanic's settings", () => behind(photoMechanic())),
  good('afcp.jpg', 'AFCP data: caption and preview', () =>
    behind(
      afcp(
        [
          { name: 'IPTC', data: caption },
          { name: 'PrVw', data: preview() },
        ],
        photo().length,
      ),
    ),
  ),
  good('afcp-moved.jpg', 'AFCP data that an editor has moved', () => behind(afcp([{ name: 'TEXT', data: Buffer.from('words') }], 99))),
  good('insta360.jpg', "Insta360's records after a panorama", () => behind(insta360([randomBytes(300, 4), randomBytes(56, 6)]))),
  good('mie.jpg', "ExifTool's own container", () => behind(mie('© nobody'))),
  good('nikon-app.jpg', "the settings of Nikon's program for phones", () => behind(nikonApp(xmpPacket('')))),
  good('samsung-second-directory.jpg', "Samsung's trailer with a second directory", () =>
    behind(samsungTrailer([{ name: 'SoundShot_000', data: randomBytes(90, 8) }]), qdio()),
  ),
  good('many-trailers.jpg', 'the trailers of five programs, in succession', () =>
    behind(afcp([{ name: 'IPTC', data: caption }]), fotoStation(1, caption), canonData(200), photoMechanic(), mie('©')),
  ),
  good('vivo.jpg', 'the settings of a Vivo phone', () => behind(vivo('{"com.android.camera.moduleid":"photo","version":1000}'))),
  good('second-end.jpg', 'the end marker twice', () => behind(Buffer.from('ffd9', 'hex'))),
  good('erased-memory.jpg', 'erased flash memory after its end, to the end of the block', () => behind(Buffer.alloc(2000, 0xff))),
  good('second-end-and-erased.jpg', 'the end marker twice, zeros, then erased memory', () =>
    behind(Buffer.from('ffd9', 'hex'), Buffer.alloc(77), Buffer.alloc(500, 0xff)),
  ),
]
