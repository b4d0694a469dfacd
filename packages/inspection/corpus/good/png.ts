import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { type CorpusFile, good, original } from '../corpus-file.ts'
import { samsungTrailer } from '../surgery/jpeg.ts'
import { randomBytes } from '../surgery/payloads.ts'
import {
  animated,
  animationControl,
  before,
  chunk,
  chunksOf,
  edited,
  frameControl,
  frameData,
  internationalText,
  packedText,
  pngOf,
  rowsOf,
  text,
  withPixels,
} from '../surgery/png.ts'

const rgb = () => original('ff-rgb24.png')
const canvas = (width = 40, height = 30) => sharp({ create: { width, height, channels: 4, background: '#30609080' } })
const packed = () => deflateSync(rowsOf(rgb()))

export const goodPngs: readonly CorpusFile[] = [
  good('vips.png', 'libvips', () => canvas().png().toBuffer()),
  good('vips-palette.png', 'libvips, quantized to a palette', () => canvas().png({ palette: true, colours: 5 }).toBuffer()),
  good('vips-interlaced-16.png', 'libvips, interlaced, 16 bits', () =>
    canvas(33, 17).toColourspace('rgb16').png({ progressive: true }).toBuffer(),
  ),
  good('one-pixel.png', 'a PNG of one pixel', () => canvas(1, 1).png().toBuffer()),
  good('interlaced-tiny.png', 'interlaced and so small that most passes are empty', () =>
    canvas(2, 1).png({ progressive: true }).toBuffer(),
  ),
  good('long.png', '20 000 pixels wide and one high', () => canvas(20_000, 1).png().toBuffer()),
  good('small-pieces.png', 'pixels in pieces of ten bytes', () =>
    withPixels(
      rgb(),
      ...(
        packed()
          .toString('latin1')
          .match(/[\s\S]{1,10}/g) ?? []
      ).map((piece) => Buffer.from(piece, 'latin1')),
    ),
  ),
  good('empty-pieces.png', 'pixel chunks without a byte in them', () => withPixels(rgb(), Buffer.alloc(0), packed(), Buffer.alloc(0))),
  good('stored-pixels.png', 'pixels that are not compressed', () => withPixels(rgb(), deflateSync(rowsOf(rgb()), { level: 0 }))),
  good('small-window.png', 'compressed with the smallest window', () => withPixels(rgb(), deflateSync(rowsOf(rgb()), { windowBits: 9 }))),
  good('two-bytes-left.png', 'two stray bytes after the compressed pixels, as an old encoder leaves', () =>
    withPixels(rgb(), Buffer.concat([packed(), Buffer.from([1, 2])])),
  ),
  good('unknown-chunks.png', 'chunks of unknown manufacturers, anywhere', () => {
    const early = before(rgb(), 'IDAT', chunk('prVt', randomBytes(200)), chunk('iDOT', randomBytes(28)))
    return before(early, 'IEND', chunk('caBX', randomBytes(500, 3)), chunk('vpAg', Buffer.alloc(9)))
  }),
  good('all-the-known.png', 'every chunk of the standard in its place', () => {
    const profileless = before(
      rgb(),
      'IDAT',
      chunk('gAMA', Buffer.from('0000b18f', 'hex')),
      chunk('cHRM', Buffer.alloc(32, 1)),
      chunk('sRGB', Buffer.from([0])),
      chunk('sBIT', Buffer.from([8, 8, 8])),
      chunk('bKGD', Buffer.alloc(6)),
      chunk('pHYs', Buffer.from('00000b1300000b1301', 'hex')),
      chunk('tIME', Buffer.from('07ea0504101112', 'hex')),
    )
    return edited(profileless, (each) => each)
  }),
  good('texts-behind.png', 'texts after the pixels', () =>
    before(rgb(), 'IEND', text('Comment', 'a script'), packedText('Author', 'php'), internationalText('Title', 'Überschrift', true)),
  ),
  good('generator.png', 'prompt and workflow of an image generator, 300 KiB unpacked', () => {
    const workflow = JSON.stringify({
      nodes: Array.from({ length: 3000 }, (_, id) => ({ id, type: 'KSampler', text: '<lora:grain:0.7>, (script:1.1)', on: true })),
    })
    return before(
      rgb(),
      'IDAT',
      text('parameters', 'a castle, <lora:film:0.8>\nSteps: 20, Sampler: Euler, Script: X/Y/Z plot'),
      packedText('workflow', workflow),
    )
  }),
  good('drawing.png', 'the escaped source of a drawing program', () =>
    before(
      rgb(),
      'IDAT',
      text('mxfile', '%3Cmxfile%20host%3D%22app%22%3E%3Cdiagram%20name%3D%22Page-1%22%3Eabc%3C%2Fdiagram%3E%3C%2Fmxfile%3E'),
    ),
  ),
  good('xmp.png', 'XMP in its own chunk', () =>
    canvas()
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>')
      .png()
      .toBuffer(),
  ),
  good('profile.png', 'a colour profile', () => canvas().withIccProfile('p3').png().toBuffer()),
  good('profile-of-nothing.png', "a colour profile that can't be unpacked: every program ignores it", () =>
    before(rgb(), 'IDAT', chunk('iCCP', 'none\0\0none')),
  ),
  good('padded.png', 'zeros after its end', () => Buffer.concat([rgb(), Buffer.alloc(1000)])),
  good('samsung-screenshot.png', "a screenshot with Samsung's trailer", () =>
    Buffer.concat([rgb(), samsungTrailer([{ name: 'Samsung_Capture_Info', data: Buffer.from('com.example.app') }], 0x0c61)]),
  ),
  good('animated-first-shown.png', 'an animation whose default image is its first frame', () => animated(rgb(), 5)),
  good('animated-apart.png', 'an animation whose default image is not a frame', () => {
    const chunks = chunksOf(rgb())
    const end = chunks.length - 1
    return pngOf([
      ...chunks.slice(0, 1),
      animationControl(1),
      ...chunks.slice(1, end),
      frameControl(0, 64, 48),
      frameData(1, packed()),
      ...chunks.slice(end),
    ])
  }),
]
