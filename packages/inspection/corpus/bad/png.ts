import { deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { elf, pdf, randomBytes, rar } from '../surgery/payloads.ts'
import {
  animated,
  animationControl,
  before,
  bytesOf,
  chunk,
  chunksOf,
  edited,
  frameControl,
  internationalText,
  packedText,
  pngOf,
  profile,
  rowsOf,
  text,
  withHeader,
  withPixels,
} from '../surgery/png.ts'

const rgb = () => original('ff-rgb24.png')
const palette = () => original('im-palette.png')
const corrupt = bad('file_corrupt')
const mismatch = bad('type_mismatch')
const trailing = bad('trailing_data')
const without = (png: Buffer, type: string) => edited(png, (each) => (each.type === type ? null : each))
const flip = (png: Buffer, at: number) => {
  const copy = Buffer.from(png)
  copy.writeUInt8((copy[at] ?? 0) ^ 1, at)
  return copy
}
const chunkAt = (png: Buffer, type: string) => png.indexOf(type, 0, 'latin1')
const canvas = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: 'red' } })

const chunks: readonly CorpusFile[] = [
  corrupt('no-end.png', /is truncated/, 'the last chunk is missing', () => without(rgb(), 'IEND')),
  corrupt('end-cut.png', /is truncated|extends beyond/, 'the last byte is missing', () => rgb().subarray(0, -1)),
  corrupt('half.png', /extends beyond the end of the file/, 'half of the file', () => rgb().subarray(0, rgb().length >> 1)),
  mismatch('signature-only.png', /its content is of an unknown format/, 'the signature alone', () => rgb().subarray(0, 8)),
  corrupt('header-cut.png', /./, 'cut in the header', () => rgb().subarray(0, 20)),
  corrupt('header-checksum.png', /'IHDR' has a wrong checksum/, 'a header with a wrong checksum', () => flip(rgb(), 19)),
  corrupt('pixels-checksum.png', /'IDAT' has a wrong checksum/, 'a flipped bit in the pixels', () =>
    flip(rgb(), chunkAt(rgb(), 'IDAT') + 100),
  ),
  corrupt('text-checksum.png', /'tEXt' has a wrong checksum/, 'a flipped bit in a text', () => {
    const png = before(rgb(), 'IDAT', text('Title', 'abc'))
    return flip(png, chunkAt(png, 'tEXt') + 6)
  }),
  corrupt('end-checksum.png', /'IEND' has a wrong checksum/, 'a flipped bit in the last checksum', () => flip(rgb(), rgb().length - 1)),
  mismatch('header-late.png', /its content is of an unknown format/, 'a text before the header', () =>
    pngOf([text('a', 'b'), ...chunksOf(rgb())]),
  ),
  corrupt('two-headers.png', /two chunks 'IHDR'/, 'two headers', () => before(rgb(), 'IDAT', ...chunksOf(rgb()).slice(0, 1))),
  corrupt('no-palette.png', /its palette is missing/, 'colours from a palette that is missing', () => without(palette(), 'PLTE')),
  corrupt('palette-late.png', /./, 'a palette after the pixels', () =>
    pngOf([
      ...chunksOf(palette()).filter(({ type }) => type !== 'PLTE' && type !== 'IEND'),
      ...chunksOf(palette()).filter(({ type }) => type === 'PLTE' || type === 'IEND'),
    ]),
  ),
  corrupt('two-palettes.png', /two chunks 'PLTE'/, 'two palettes', () =>
    edited(palette(), (each) => (each.type === 'PLTE' ? [each, each] : each)),
  ),
  corrupt('odd-palette.png', /palette is malformed/, 'a palette of half a colour', () =>
    edited(palette(), (each) => (each.type === 'PLTE' ? { ...each, data: each.data.subarray(0, 4) } : each)),
  ),
  corrupt('grey-palette.png', /is greyscale but has a palette/, 'a palette on a grey picture', () =>
    before(original('ff-gray.png'), 'IDAT', chunk('PLTE', Buffer.alloc(6))),
  ),
  corrupt('alpha-twice.png', /alpha channel and a chunk 'tRNS'|two chunks 'ALPH'/, 'an alpha channel and a transparency chunk', () =>
    before(original('ff-rgba.png'), 'IDAT', chunk('tRNS', Buffer.alloc(6))),
  ),
  corrupt('transparency-late.png', /'tRNS' comes after 'IDAT'/, 'transparency after the pixels', () =>
    before(rgb(), 'IEND', chunk('tRNS', Buffer.alloc(6))),
  ),
  corrupt('gamma-late.png', /'gAMA' comes after 'IDAT'/, 'gamma after the pixels', () =>
    before(rgb(), 'IEND', chunk('gAMA', Buffer.alloc(4))),
  ),
  corrupt('torn-pixels.png', /'IDAT' are not consecutive/, 'a text between the pixels', () => {
    const packed = deflateSync(rowsOf(rgb()))
    return pngOf(
      chunksOf(withPixels(rgb(), packed.subarray(0, 500), packed.subarray(500))).flatMap((each, i, all) =>
        each.type === 'IDAT' && all[i + 1]?.type === 'IDAT' ? [each, text('a', 'b')] : [each],
      ),
    )
  }),
  corrupt('unknown-critical.png', /critical chunk 'ABCD' is unknown/, 'a chunk that is unknown and critical', () =>
    before(rgb(), 'IDAT', chunk('ABCD', 'x')),
  ),
  corrupt('apple-variant.png', /first chunk is not 'IHDR'/, "the variant for Apple's phones, which is not a PNG", () =>
    pngOf([chunk('CgBI', Buffer.from('50002002', 'hex')), ...chunksOf(rgb())]),
  ),
  corrupt('no-pixels.png', /no pixels/, 'no pixels', () => without(rgb(), 'IDAT')),
  corrupt('end-not-empty.png', /'IEND' is not empty/, 'something in the last chunk', () =>
    edited(rgb(), (each) => (each.type === 'IEND' ? { ...each, data: Buffer.from('secret') } : each)),
  ),
  corrupt('no-chunk.png', /there is no valid chunk at byte 33/, 'words where a chunk should be', () =>
    Buffer.concat([rgb().subarray(0, 33), Buffer.from('\0\0\0\x04abc1wxyz----'), rgb().subarray(33)]),
  ),
  corrupt('chunk-too-long.png', /extends beyond the end of the file/, 'a chunk longer than the file', () =>
    Buffer.concat([rgb().subarray(0, 33), Buffer.from('7ffffff074455874', 'hex'), rgb().subarray(33)]),
  ),
  mismatch('chunk-of-4-gib.png', /its content is of an unknown format/, 'a chunk of almost 4 GiB, negative to careless readers', () =>
    Buffer.concat([rgb().subarray(0, 33), Buffer.from('fffffff874455874', 'hex'), rgb().subarray(33)]),
  ),
]

const headers: readonly CorpusFile[] = [
  corrupt('no-width.png', /declares 0 × 48 pixels/, 'a PNG with a width of 0', () =>
    withHeader(rgb(), (header) => header.writeUInt32BE(0, 0)),
  ),
  corrupt('negative-height.png', /declares 64 × 4294967295 pixels/, 'a height that is negative to careless readers', () =>
    withHeader(rgb(), (header) => header.writeUInt32BE(0xffff_ffff, 4)),
  ),
  corrupt('colour-type.png', /colour type 5/, 'a colour type that does not exist', () =>
    withHeader(rgb(), (header) => header.writeUInt8(5, 9)),
  ),
  corrupt('bit-depth.png', /colour type 2 with 4 bits/, 'a bit depth that its colours do not allow', () =>
    withHeader(rgb(), (header) => header.writeUInt8(4, 8)),
  ),
  corrupt('interlace.png', /an unknown compression, filter or interlace method/, 'an interlacing that does not exist', () =>
    withHeader(rgb(), (header) => header.writeUInt8(2, 12)),
  ),
  corrupt('compression.png', /an unknown compression, filter or interlace method/, 'a compression that does not exist', () =>
    withHeader(rgb(), (header) => header.writeUInt8(1, 10)),
  ),
  mismatch('header-short.png', /its content is of an unknown format/, 'a header of twelve bytes', () =>
    edited(rgb(), (each) => (each.type === 'IHDR' ? { ...each, data: each.data.subarray(0, 12) } : each)),
  ),
  bad('too_many_pixels')('bomb.png', /10000 megapixels/, 'a bomb: 100 000 × 100 000 pixels by its header', () =>
    withHeader(rgb(), (header) => {
      header.writeUInt32BE(100_000, 0)
      header.writeUInt32BE(100_000, 4)
    }),
  ),
  bad('too_many_pixels')('real-bomb.png', /144 megapixels/, 'a bomb that is whole: 144 megapixels in 60 KiB', async () => {
    const row = Buffer.alloc(12_000 / 8 + 1)
    const small = await canvas(8, 8).toColourspace('b-w').png({ palette: false }).toBuffer()
    const large = withHeader(small, (header) => {
      header.writeUInt32BE(12_000, 0)
      header.writeUInt32BE(12_000, 4)
      header.writeUInt8(1, 8)
      header.writeUInt8(0, 9)
    })
    return withPixels(large, deflateSync(Buffer.concat(Array(12_000).fill(row)), { level: 1 }))
  }),
]

const pixels: readonly CorpusFile[] = [
  corrupt('rows-missing.png', /pixels/, 'the last rows are missing, packed well', () =>
    withPixels(rgb(), deflateSync(rowsOf(rgb()).subarray(0, 3000))),
  ),
  corrupt('rows-too-many.png', /more pixels than its header declares/, 'more rows than the header declares', () =>
    withPixels(rgb(), deflateSync(Buffer.concat([rowsOf(rgb()), Buffer.alloc(5000)]))),
  ),
  corrupt('filter.png', /pixels are damaged/, 'a filter that does not exist', () => {
    const rows = rowsOf(rgb())
    rows[193] = 9
    return withPixels(rgb(), deflateSync(rows))
  }),
  corrupt('not-packed.png', /pixels/, 'pixels that are not packed', () => withPixels(rgb(), randomBytes(3000))),
  corrupt('pack-cut.png', /pixels/, 'compressed pixels cut off, checksums right', () =>
    withPixels(rgb(), deflateSync(rowsOf(rgb())).subarray(0, 2000)),
  ),
  corrupt('pack-checksum.png', /checksum of its pixels|pixels/, 'compressed pixels whose own checksum is wrong', () => {
    const packed = deflateSync(rowsOf(rgb()))
    packed.writeUInt32BE(1, packed.length - 4)
    return withPixels(rgb(), packed)
  }),
  trailing('behind-pixels.png', /bytes follow its pixels/, 'an archive after the compressed pixels, inside of the picture', () =>
    withPixels(rgb(), Buffer.concat([deflateSync(rowsOf(rgb())), original('tar-set.tar.gz')])),
  ),
  trailing('behind-pixels-apart.png', /bytes follow its pixels/, 'noise in a separate pixel chunk after the pixels', () =>
    withPixels(rgb(), deflateSync(rowsOf(rgb())), randomBytes(400)),
  ),
  corrupt('text-bomb.png', /unpacks to more than 16 MiB/, 'a text that unpacks to 40 MiB', () =>
    before(rgb(), 'IDAT', packedText('a', 'x'.repeat(40 * 1024 * 1024))),
  ),
  corrupt('profile-bomb.png', /unpacks to more than 16 MiB/, 'a profile that unpacks to 20 MiB', () =>
    before(rgb(), 'IDAT', profile(Buffer.alloc(20 * 1024 * 1024))),
  ),
  corrupt('text-not-packed.png', /can't be unpacked/, 'a packed text that does not unpack', () =>
    before(rgb(), 'IDAT', chunk('zTXt', 'a\0\0nonsense')),
  ),
  corrupt('text-without-name.png', /'tEXt' is malformed/, 'a text without a name', () =>
    before(rgb(), 'IDAT', chunk('tEXt', 'x'.repeat(100))),
  ),
]

const animations: readonly CorpusFile[] = [
  corrupt('frame-missing.png', /declares 5 frames but has 4/, 'an animation with fewer frames than it declares', () => {
    const chunks = chunksOf(animated(rgb(), 5))
    return pngOf([...chunks.slice(0, -3), ...chunks.slice(-1)])
  }),
  corrupt('frame-skipped.png', /missing or out of order/, 'an animation with a number left out', () =>
    pngOf(chunksOf(animated(rgb(), 5)).filter((_, i, all) => i !== all.findIndex(({ type }) => type === 'fdAT'))),
  ),
  corrupt('frame-outside.png', /exceeds the picture/, 'a frame that exceeds the picture', () =>
    before(before(rgb(), 'IDAT', animationControl(1)), 'IDAT', frameControl(0, 64, 48, 1, 0)),
  ),
  corrupt('frame-damaged.png', /pixels/, 'a frame whose pixels are damaged: decoders look at the first alone', () =>
    edited(animated(rgb(), 3), (each) =>
      each.type === 'fdAT' ? { ...each, data: Buffer.concat([each.data.subarray(0, 4), randomBytes(500)]) } : each,
    ),
  ),
  corrupt('frame-short.png', /pixels/, 'a frame with fewer rows than declared', () =>
    edited(animated(rgb(), 3), (each) =>
      each.type === 'fdAT' ? { ...each, data: Buffer.concat([each.data.subarray(0, 4), deflateSync(Buffer.alloc(193))]) } : each,
    ),
  ),
  corrupt('frames-unannounced.png', /declares 0 frames/, 'frames and nothing that declares them', () =>
    without(animated(rgb(), 3), 'acTL'),
  ),
  bad('too_many_frames')('frames.png', /1201 frames; the maximum is 1000/, 'an animation of 1201 frames', async () =>
    animated(await canvas(4, 4).png().toBuffer(), 1201),
  ),
  bad('too_many_pixels')(
    'animation-bomb.png',
    /megapixels in all its frames/,
    'an animation whose frames are too many pixels together',
    async () => animated(await canvas(1000, 1000).png().toBuffer(), 150),
  ),
]

const behind = (bytes: Buffer) => Buffer.concat([rgb(), bytes])
const trailers: readonly CorpusFile[] = [
  trailing('zip.png', /other content at byte \d+: ZIP/, 'a ZIP archive after a PNG', () => behind(original('zip-deflated.zip'))),
  trailing('rar.png', /other content at byte \d+: RAR/, 'a RAR archive after a PNG', () => behind(rar())),
  trailing('program.png', /other content at byte \d+: a program/, 'a program after a PNG', () => behind(elf())),
  trailing('pdf.png', /other content at byte \d+: PDF/, 'a PDF after a PNG', () => behind(pdf())),
  trailing('second.png', /other content at byte \d+: PNG/, 'a second PNG', () => behind(original('im-rgb.png'))),
  trailing('older-picture.png', /other content/, 'the rest of an older, longer picture, as screenshot editors of 2023 left it', () =>
    behind(original('ff-rgba.png').subarray(4000)),
  ),
  trailing(
    'many-pictures-named.png',
    /other content at byte \d+: JPEG/,
    'XMP that names pictures 10 000 times, none of them the one after its end',
    () => {
      const named = internationalText('XML:com.adobe.xmp', `<x:xmpmeta>${'Item:Mime="image/jpeg" '.repeat(10_000)}`, true)
      return Buffer.concat([before(original('im-mono.png'), 'IDAT', named), Buffer.from('ffd8ffe0', 'hex'), Buffer.alloc(20, 1)])
    },
  ),
  trailing('chunk-behind.png', /other content/, 'a chunk after the last one', () => behind(bytesOf(text('Comment', 'behind')))),
]

export const badPngs: readonly CorpusFile[] = [...chunks, ...headers, ...pixels, ...animations, ...trailers]
