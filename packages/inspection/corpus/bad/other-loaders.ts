import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { randomBytes } from '../surgery/payloads.ts'
import { before, chunk } from '../surgery/png.ts'

const mismatch = bad('type_mismatch')
const svg = (reads: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><image xlink:href="${reads}" width="9" height="9"/></svg>`
const text = (lines: string) => () => Buffer.from(lines)
const after = (head: string | Buffer, length = 600) => Buffer.concat([Buffer.from(head as string), Buffer.alloc(length)])
const hex = (digits: string) => Buffer.from(digits, 'hex')

/** The header of a MAT-file of version 7.3: HDF5, whose data may be in other files of the machine that opens it. */
const matFile = () => {
  const head = Buffer.alloc(512, 0x20)
  head.write('MATLAB 7.3 MAT-file, Platform: GLNXA64')
  return Buffer.concat([head, hex('894844460d0a1a0a'), Buffer.from('/etc/passwd\0'), Buffer.alloc(300)])
}

/**
 * Files that libvips opens by content with other loaders than those for JPEG, PNG and WebP (CVE-2026-66066: some of these loaders read other files of
 * the machine, which the picture then shows).
 */
export const otherLoaders: readonly CorpusFile[] = [
  mismatch('matlab-5.png', /its content is/, 'a MAT-file of version 5 (matload)', () => after('MATLAB 5.0 MAT-file, Platform: GLNXA64')),
  mismatch('matlab-7.png', /its content is/, 'a MAT-file that names another file (matload)', matFile),
  mismatch('vips.png', /its content is/, "libvips' own format (vipsload)", () => after(hex('b6a6f208'))),
  mismatch('vips-big-endian.jpg', /its content is/, "libvips' own format of the other byte order", () => after(hex('08f2a6b6'))),
  mismatch('matrix.jpg', /its content is/, 'a matrix of numbers (matrixload)', text('3 3 9 0\n-1 -1 -1\n-1 16 -1\n-1 -1 -1\n')),
  mismatch('table.png', /its content is/, 'a table of numbers (csvload)', text('1,2,3\n4,5,6\n')),
  mismatch('ppm.jpg', /its content is/, 'a portable pixmap (ppmload)', () => after('P6\n9 9\n255\n')),
  mismatch('pfm.webp', /its content is/, 'a portable float map (ppmload)', () => after('PF\n9 9\n-1.0\n')),
  mismatch('radiance.png', /its content is/, 'a Radiance picture (radload)', () =>
    after('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 9 +X 9\n'),
  ),
  mismatch('fits.jpg', /its content is/, 'a FITS picture (fitsload)', () =>
    after('SIMPLE  =                    T'.padEnd(80) + 'BITPIX  =                    8'.padEnd(80)),
  ),
  mismatch('openexr.png', /its content is/, 'an OpenEXR picture (openexrload)', () => after(hex('762f310102000000'))),
  mismatch('nifti.jpg', /its content is/, 'a NIfTI picture (niftiload)', () => after(hex('5c010000'))),
  mismatch('big-tiff.png', /its content is/, 'a BigTIFF, as slide scanners write (openslideload, tiffload)', () =>
    after(hex('49492b0008000000')),
  ),
  mismatch('jpeg-2000.jpg', /its content is/, 'a JPEG 2000 (jp2kload)', () => after(hex('0000000c6a5020200d0a870a'))),
  mismatch('jpeg-2000-stream.jpg', /its content is/, 'a JPEG 2000 without its boxes (jp2kload)', () => after(hex('ff4fff51002f0000'))),
  mismatch('svg-that-reads.png', /its content is/, 'an SVG that shows a file of the machine (svgload)', text(svg('file:///etc/passwd'))),
  mismatch('svg-packed.webp', /its content is/, 'a compressed SVG (svgload)', () => gzipSync(svg('file:///etc/passwd'))),
  mismatch('pdf-that-reads.png', /its content is/, 'a PDF with a page (pdfload)', () =>
    Buffer.concat([Buffer.from('%PDF-1.7\n%'), randomBytes(40), Buffer.from('\ntrailer<</Root 1 0 R>>\n%%EOF')]),
  ),
  mismatch(
    'vector-commands.png',
    /its content is/,
    'drawing commands of ImageMagick that read a file (magickload)',
    text('push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 9,9 "label:@/etc/passwd"\npop graphic-context\n'),
  ),
  mismatch(
    'script-of-imagemagick.jpg',
    /its content is/,
    'a script of ImageMagick (magickload)',
    text('<?xml version="1.0"?><image><read filename="label:@/etc/passwd"/><write filename="x.png"/></image>'),
  ),
  mismatch('real-tiff.png', /its content is TIFF/, 'a TIFF that libvips decodes (tiffload)', () => picture().tiff().toBuffer()),
  mismatch('real-gif.webp', /its content is GIF/, 'a GIF that libvips decodes (gifload)', () => picture().gif().toBuffer()),
  mismatch('real-avif.png', /its content is AVIF/, 'an AVIF that libvips decodes (heifload)', () => picture().avif().toBuffer()),
  bad('type_mismatch')('tiff-after-signature.png', /./, "a TIFF after PNG's signature", async () =>
    Buffer.concat([hex('89504e470d0a1a0a'), await picture().tiff().toBuffer()]),
  ),
  bad('file_corrupt')('header-then-svg.png', /./, "PNG's signature and header, and then an SVG", () =>
    Buffer.concat([original('im-rgb.png').subarray(0, 33), Buffer.from(svg('file:///etc/passwd'))]),
  ),
  bad('suspicious_content')('svg-in-a-text.png', /./, 'an SVG in a text of a valid PNG', () =>
    before(original('im-rgb.png'), 'IDAT', chunk('tEXt', `Comment\0${svg('file:///etc/passwd')}<script>alert(1)</script>`)),
  ),
]

const picture = () => sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
