import sharp from 'sharp'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { box, branded } from '../surgery/mp4.ts'
import { elf, html, pdf, pe, php, randomBytes, shell } from '../surgery/payloads.ts'

const mismatch = bad('type_mismatch')
const asPicture = (name: string, detail: RegExp, why: string, make: CorpusFile['make']) => mismatch(name, detail, why, make)
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>alert(1)</script></svg>'
const officeDocument = () =>
  Buffer.concat([
    Buffer.from('504b0304140006000800000021', 'hex'),
    Buffer.alloc(13),
    Buffer.from([19, 0, 0, 0]),
    Buffer.from('[Content_Types].xml'),
    randomBytes(60),
  ])
/** Files of other formats with accepted extensions. */
export const otherFormats: readonly CorpusFile[] = [
  asPicture('a-gif.jpg', /claims to be JPEG, but its content is GIF/, 'GIF as JPEG', () => original('im-still.gif')),
  asPicture('a-tiff.jpg', /its content is TIFF/, 'TIFF as JPEG', () => original('im-still.tif')),
  asPicture('a-bmp.png', /its content is BMP/, 'BMP as PNG', () => original('im-still.bmp')),
  asPicture('an-avif.jpg', /its content is AVIF/, 'AVIF as JPEG', () => original('ff-still.avif')),
  asPicture('a-heic.jpg', /its content is HEIC/, 'HEIC as JPEG, as phones send when renamed', () =>
    branded(original('ff-avc.mp4'), 'heic'),
  ),
  asPicture('a-wave.webp', /its content is WAV/, 'another RIFF as WebP: audio', () =>
    Buffer.concat([
      Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data\0\0\0\0', 'latin1'),
    ]),
  ),
  asPicture('a-film.jpg', /its content is MP4/, 'MP4 as JPEG', () => original('ff-avc.mp4')),
  asPicture('a-pdf.jpg', /its content is PDF/, 'PDF as JPEG', pdf),
  asPicture('a-page.jpg', /its content is HTML/, 'HTML as JPEG', html),
  asPicture('a-drawing.png', /its content is SVG/, 'SVG with a script as PNG', () => Buffer.from(svg)),
  asPicture('a-script.png', /its content is a script/, 'a shell script as PNG', shell),
  asPicture('php-code.jpg', /its content is plain text/, 'PHP as JPEG', php),
  asPicture('linux-program.jpg', /its content is a program/, 'ELF as JPEG', elf),
  asPicture('windows-program.png', /its content is a program/, 'PE as PNG', pe),
  asPicture('an-archive.webp', /its content is ZIP/, 'ZIP as WebP', () => original('zip-deflated.zip')),
  asPicture('a-document.jpg', /its content is (?:DOCX|ZIP)/, 'an office document as JPEG', officeDocument),
  asPicture('a-photoshop-file.png', /its content is PSD/, "Photoshop's own format as PNG", () =>
    Buffer.concat([Buffer.from('8BPS\0\x01', 'latin1'), Buffer.alloc(40)]),
  ),
  asPicture('an-icon.png', /its content is ICO/, 'an icon as PNG', () =>
    Buffer.concat([Buffer.from('00000100010010100000010020006804000016000000', 'hex'), Buffer.alloc(60)]),
  ),
  asPicture('a-jxl.jpg', /its content is JPEG XL/, 'JPEG XL as JPEG', () =>
    Buffer.concat([Buffer.from('ff0a7a1f4090', 'hex'), randomBytes(60)]),
  ),
  asPicture('noise.jpg', /its content is of an unknown format/, 'noise as JPEG', () => randomBytes(3000, 77)),
  asPicture('words.webp', /its content is plain text/, 'plain text as WebP', () => Buffer.from('Not a picture. '.repeat(30))),
  asPicture('shifted.jpg', /its content is/, 'a JPEG with one byte in front', () =>
    Buffer.concat([Buffer.from('\n'), original('im-baseline.jpg')]),
  ),
  asPicture('line-ends.png', /its content is/, 'a PNG whose line ends a text transfer changed', () =>
    Buffer.from(original('im-rgb.png').toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
  ),
  mismatch('quicktime.mp4', /its content is QuickTime/, 'QuickTime as MP4', () => original('ff-quicktime.mov')),
  mismatch('3gp.mp4', /its content is 3GP/, '3GP as MP4', () => original('ff-3gp.3gp')),
  mismatch('m4a.mp4', /its content is MPEG-4 audio/, 'M4A as MP4', () => original('ff-sound.m4a')),
  mismatch('sound.mp4', /an MP4 without a video track/, 'an MP4 with audio only', () => original('ff-sound.mp4')),
  mismatch('webm.mp4', /its content is WebM/, 'WebM as MP4', () => original('ff-film.webm')),
  mismatch('avif.mp4', /its content is AVIF/, 'AVIF as MP4', () => original('ff-still.avif')),
  mismatch('heif.mp4', /its content is HEIF/, 'HEIF as MP4', () => branded(original('ff-avc.mp4'), 'mif1')),
  mismatch('jp2.mp4', /its content is JPEG 2000/, 'JPEG 2000 as MP4', () => branded(original('ff-avc.mp4'), 'jp2 ')),
  mismatch('raw.mp4', /its content is Canon raw/, "a camera's raw picture as MP4", () => branded(original('ff-avc.mp4'), 'crx ')),
  mismatch('unknown.mp4', /media with the unknown brand 'ZZZZ'/, 'unknown brands', () => branded(original('ff-avc.mp4'), 'ZZZZ')),
  mismatch('no-type.mp4', /its content is/, 'an MP4 without its first box', () =>
    original('ff-avc.mp4').subarray(original('ff-avc.mp4').readUInt32BE(0)),
  ),
  mismatch('transport.mp4', /its content is/, 'an MPEG transport stream as MP4', () =>
    Buffer.concat(Array.from({ length: 20 }, () => Buffer.concat([Buffer.from('4740001100', 'hex'), Buffer.alloc(183, 0xff)]))),
  ),
  mismatch('picture.mp4', /its content is JPEG/, 'JPEG as MP4', () => original('im-baseline.jpg')),
  bad('empty_file')('empty.png', /has 0 bytes/, 'no bytes', () => Buffer.alloc(0)),
  bad('file_too_large')('large.jpg', /larger than 10 MiB/, 'a picture beyond the limit of its kind, even if valid', async () =>
    Buffer.concat([
      await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
        .jpeg()
        .toBuffer(),
      Buffer.alloc(10 * 1024 * 1024),
    ]),
  ),
  mismatch('only-a-box.mp4', /its content is/, 'boxes of MP4 without a file type', () => box('moov', Buffer.alloc(100))),
]
