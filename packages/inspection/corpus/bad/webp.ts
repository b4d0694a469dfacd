import sharp from 'sharp'
import { bad, type CorpusFile, original } from '../corpus-file.ts'
import { elf, html, randomBytes } from '../surgery/payloads.ts'
import { chunk, chunksOf, edited, extendedHeader, patched, webpOf } from '../surgery/webp.ts'

const lossy = () => original('cwebp-lossy.webp')
const lossless = () => original('cwebp-lossless.webp')
const animation = () => original('gif2webp.webp')
const corrupt = bad('file_corrupt')
const trailing = bad('trailing_data')
const withSize = (webp: Buffer, by: number) => {
  const copy = Buffer.from(webp)
  copy.writeUInt32LE(copy.readUInt32LE(4) + by, 4)
  return copy
}
const pixelsOf = (webp: Buffer) => chunksOf(webp).find(({ type }) => type === 'VP8 ' || type === 'VP8L') ?? chunk('VP8 ', '')

export const badWebps: readonly CorpusFile[] = [
  corrupt('half.webp', /is truncated/, 'half a WebP', () => lossy().subarray(0, lossy().length >> 1)),
  corrupt('last-byte.webp', /is truncated/, 'a WebP without its last byte', () => lossless().subarray(0, -1)),
  corrupt('half-and-size.webp', /./, 'half of it, with sizes that fit', () =>
    edited(lossy(), (each) => ({ ...each, data: each.data.subarray(0, each.data.length >> 1) })),
  ),
  corrupt('half-lossless-and-size.webp', /./, 'half a lossless picture, with sizes that fit', () =>
    edited(lossless(), (each) => ({ ...each, data: each.data.subarray(0, each.data.length >> 1) })),
  ),
  corrupt('cut-photo-sized.webp', /its pixels are damaged/, 'a picture of four megapixels without its last pixels', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 20 } as const
    const whole = await sharp({ create: { width: 2100, height: 2000, channels: 3, background: '#c08040', noise } })
      .webp({ quality: 5, effort: 0 })
      .toBuffer()
    return edited(whole, (each) => ({ ...each, data: each.data.subarray(0, Math.floor(each.data.length * 0.9)) }))
  }),
  corrupt('riff-too-long.webp', /is truncated/, 'a RIFF size beyond the file', () => withSize(lossy(), 2)),
  corrupt('riff-empty.webp', /header is damaged/, 'a RIFF size of four', () => withSize(lossy(), 12 - lossy().length)),
  corrupt('riff-too-short.webp', /extends beyond|incomplete chunk/, 'a RIFF size that cuts the picture', () => withSize(lossy(), -20)),
  corrupt('chunk-too-long.webp', /extends beyond the end of the file/, 'a chunk beyond the RIFF', () => {
    const copy = Buffer.from(lossy())
    copy.writeUInt32LE(0x00ff_ffff, 16)
    return copy
  }),
  corrupt('no-chunk.webp', /there is no valid chunk at byte/, 'noise where a chunk should be', () =>
    webpOf([...chunksOf(lossy()), chunk('\x01\x02\x03\x04', 'noise')]),
  ),
  corrupt('no-pixels.webp', /no pixels/, 'a header and no pixels', () => webpOf([extendedHeader(64, 48)])),
  corrupt('pixels-twice.webp', /two chunks with pixels/, 'two pictures in one', () => webpOf([...chunksOf(lossy()), pixelsOf(lossless())])),
  corrupt('two-sizes.webp', /(?:different|contradictory) sizes/, 'a header of another size than the pixels', () =>
    webpOf([extendedHeader(640, 480), pixelsOf(lossy())]),
  ),
  corrupt('lossy-signature.webp', /header of its pixels is damaged/, 'a lossy picture without its start code', () =>
    patched(lossy(), 'VP8 ', (data) => data.writeUInt8(0, 3)),
  ),
  corrupt('lossy-no-width.webp', /header of its pixels is damaged/, 'a lossy picture with a width of 0', () =>
    patched(lossy(), 'VP8 ', (data) => data.writeUInt16LE(0, 6)),
  ),
  corrupt('lossy-between.webp', /header of its pixels is damaged/, 'a frame that needs another before it', () =>
    patched(lossy(), 'VP8 ', (data) => data.writeUInt8((data[0] ?? 0) | 1, 0)),
  ),
  corrupt('lossy-partition.webp', /is truncated/, 'a first partition longer than the picture', () =>
    patched(lossy(), 'VP8 ', (data) => data.writeUIntLE(0xffffe0 | ((data[0] ?? 0) & 31), 0, 3)),
  ),
  corrupt('lossless-signature.webp', /header of its pixels is damaged/, 'a lossless picture without its signature', () =>
    patched(lossless(), 'VP8L', (data) => data.writeUInt8(0x2e, 0)),
  ),
  corrupt('lossless-version.webp', /header of its pixels is damaged/, 'a lossless picture of a later version', () =>
    patched(lossless(), 'VP8L', (data) => data.writeUInt8((data[4] ?? 0) | 0xe0, 4)),
  ),
  corrupt('lossless-noise.webp', /./, 'a lossless picture of noise', () =>
    edited(lossless(), (each) =>
      each.type === 'VP8L' ? { ...each, data: Buffer.concat([each.data.subarray(0, 5), randomBytes(200, 3)]) } : each,
    ),
  ),
  corrupt('alpha-behind.webp', /'ALPH' is misplaced or empty/, 'transparency after the pixels of a WebP', () => {
    const chunks = chunksOf(original('cwebp-alpha.webp'))
    return webpOf([...chunks.filter(({ type }) => type !== 'ALPH'), ...chunks.filter(({ type }) => type === 'ALPH')])
  }),
  corrupt('alpha-twice.webp', /alpha channel and a chunk 'tRNS'|two chunks 'ALPH'/, 'two transparency chunks in a WebP', () =>
    edited(original('cwebp-alpha.webp'), (each) => (each.type === 'ALPH' ? [each, each] : each)),
  ),
  corrupt('alpha-noise.webp', /./, 'transparency of noise', () =>
    edited(original('cwebp-alpha.webp'), (each) =>
      each.type === 'ALPH' ? { ...each, data: Buffer.concat([each.data.subarray(0, 1), randomBytes(30, 8)]) } : each,
    ),
  ),
  corrupt('animation-no-control.webp', /'ANIM' is missing/, 'an animation without its control', () =>
    edited(animation(), (each) => (each.type === 'ANIM' ? null : each)),
  ),
  corrupt('animation-no-frames.webp', /no pixels/, 'an animation without frames', () =>
    edited(animation(), (each) => (each.type === 'ANMF' ? null : each)),
  ),
  corrupt('animation-unsaid.webp', /no pixels|frames but is not an animation/, 'frames in a picture that is not an animation', () =>
    patched(animation(), 'VP8X', (data) => data.writeUInt8((data[0] ?? 0) & ~2, 0)),
  ),
  corrupt('frame-outside.webp', /exceeds the picture/, 'a frame that exceeds an animation', () =>
    patched(animation(), 'ANMF', (data) => data.writeUIntLE(30, 0, 3)),
  ),
  corrupt('frame-size.webp', /(?:different|contradictory) sizes/, 'a frame that declares another size than its pixels', () =>
    patched(animation(), 'ANMF', (data) => data.writeUIntLE(3, 6, 3)),
  ),
  corrupt('frame-short.webp', /is truncated/, 'a frame of ten bytes', () =>
    webpOf(chunksOf(animation()).map((each) => (each.type === 'ANMF' ? { ...each, data: each.data.subarray(0, 10) } : each))),
  ),
  corrupt('second-frame-noise.webp', /./, 'noise in the second frame alone', () => {
    let frame = 0
    return edited(animation(), (each) => {
      if (each.type !== 'ANMF' || frame++ !== 1) return each
      return { ...each, data: Buffer.concat([each.data.subarray(0, 29), randomBytes(each.data.length - 29, 6)]) }
    })
  }),
  bad('too_many_pixels')('bomb.webp', /268\.4 megapixels/, 'a bomb: 16 384 × 16 384 pixels by its header', () => {
    const data = Buffer.from(pixelsOf(lossless()).data)
    data.writeUInt32LE(((16_383 << 14) | 16_383) >>> 0, 1)
    return webpOf([chunk('VP8L', data)])
  }),
  bad('too_many_frames')('frames.webp', /1002 frames; the maximum is 1000/, 'an animation of 1002 frames in a WebP', () => {
    const chunks = chunksOf(animation())
    const frames = chunks.filter(({ type }) => type === 'ANMF')
    return webpOf([
      ...chunks.filter(({ type }) => type === 'VP8X' || type === 'ANIM'),
      ...Array.from({ length: 1002 / frames.length }, () => frames).flat(),
    ])
  }),
  trailing('several.webp', /other content at byte \d+: WebP/, 'three pictures in succession, as old ImageMagick writes animations', () =>
    original('im-several.webp'),
  ),
  trailing('zip.webp', /other content at byte \d+: ZIP/, 'a ZIP archive after a WebP', () =>
    Buffer.concat([lossy(), original('zip-deflated.zip')]),
  ),
  trailing('page.webp', /other content at byte \d+: HTML/, 'a page after a WebP', () => Buffer.concat([lossy(), html()])),
  trailing('program.webp', /other content at byte \d+: a program/, 'a program after a WebP', () => Buffer.concat([lossy(), elf()])),
]
