import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { exif, exifWith, withSegments } from '../surgery/jpeg.ts'
import { pe, php } from '../surgery/payloads.ts'
import { afcp, fotoStation, insta360, photoMechanic, vivo } from '../surgery/trailers.ts'

const trailing = bad('trailing_data')
const suspicious = bad('suspicious_content')
const photo = () => original('im-baseline.jpg')
const behind = (...what: Buffer[]) => Buffer.concat([photo(), ...what])
const letter = Buffer.from('Meet me at noon.')

/** Invalid trailers of cameras and editors. */
export const badJpegTrailers: readonly CorpusFile[] = [
  trailing('preview-unnamed.jpg', /other content at byte \d+: JPEG/, 'a second picture after its end that its EXIF does not name', () =>
    Buffer.concat([withSegments(photo(), exif(exifWith(0x010f, 'Maker\0'))), original('turbo-grey.jpg')]),
  ),
  trailing('before-fotostation.jpg', /other content at byte \d+: plain text/, "a text before FotoStation's record", () =>
    behind(letter, fotoStation(1, Buffer.from('caption'))),
  ),
  trailing('fotostation-too-long.jpg', /other content/, "a record of FotoStation's that is longer than the file", () =>
    behind(letter, Buffer.from('0001ffffffffa1b2c3d4', 'hex')),
  ),
  trailing('before-photo-mechanic.jpg', /other content at byte \d+: plain text/, "a text before Photo Mechanic's settings", () =>
    behind(letter, photoMechanic()),
  ),
  trailing('afcp-with-room.jpg', /other content/, 'AFCP data with bytes that belong to no entry', () =>
    behind(afcp([{ name: 'IPTC', data: Buffer.from('caption') }], 0, 20)),
  ),
  trailing('afcp-without-head.jpg', /other content/, 'the end of AFCP data without its beginning', () =>
    behind(letter, Buffer.from('AXS!\0\0\0\0\0\0\0\0', 'latin1')),
  ),
  trailing('before-insta360.jpg', /other content at byte \d+: plain text/, "a text before Insta360's records", () =>
    behind(letter, insta360([Buffer.from('x')])),
  ),
  trailing('before-vivo.jpg', /other content at byte \d+: plain text/, "a text before a Vivo phone's settings", () =>
    behind(letter, vivo('{"a":1}')),
  ),
  trailing('vivo-without-settings.jpg', /other content/, "the foot of a Vivo phone's settings without any", () =>
    behind(vivo('{"a":1} or else')),
  ),
  trailing('third-end.jpg', /of an unknown format/, 'the end marker three times', () => behind(Buffer.from('ffd9ffd9', 'hex'))),
  suspicious('fotostation-php.jpg', /PHP code in FotoStation's trailer/, "PHP in the caption of FotoStation's record", () =>
    behind(fotoStation(1, php())),
  ),
  suspicious('afcp-program.jpg', /a program for Windows in AFCP data/, 'a program among AFCP data', () =>
    behind(afcp([{ name: 'TEXT', data: pe() }])),
  ),
  suspicious('vivo-php.jpg', /PHP code in Vivo's settings/, "PHP in a Vivo phone's settings", () =>
    behind(vivo(JSON.stringify({ a: php().toString() }))),
  ),
  suspicious('insta360-archive.jpg', /a ZIP/, "an archive among Insta360's records", () =>
    behind(insta360([original('zip-deflated.zip'), Buffer.from('x')])),
  ),
]
