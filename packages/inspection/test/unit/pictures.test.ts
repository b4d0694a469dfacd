import { crc32 } from 'node:zlib'
import { defaultLimits, inspectionVersion } from '@airlock/inspection/full'
import sharp, { type Create, type Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { rethrowDecoderError } from '../../src/full/picture/decode.ts'
import { inspected, outcome, sample } from '../sources.ts'

const canvas = (options: Partial<Create> = {}): Sharp =>
  sharp({
    create: { width: 64, height: 48, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 30 }, ...options },
  })

const facts = {
  width: 64,
  height: 48,
  frames: 1,
  orientation: null,
  has_alpha: false,
  colour_space: 'srgb',
  bits_per_sample: 8,
  has_location: false,
  provenance: { present: false },
  inspection_version: inspectionVersion,
}

test.each([
  ['a baseline JPEG', 'a.jpg', canvas().jpeg(), {}],
  ['a progressive JPEG without subsampling', 'a.jpeg', canvas().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }), {}],
  ['a CMYK JPEG', 'a.jpg', canvas().toColourspace('cmyk').jpeg(), { colour_space: 'cmyk' }],
  ['a grey JPEG', 'a.jpg', canvas().toColourspace('b-w').jpeg(), { colour_space: 'b-w' }],
  ['a JPEG with a rotation', 'a.jpg', canvas().withMetadata({ orientation: 8 }).jpeg(), { orientation: 8 }],
  ['a JPEG with a colour profile', 'a.jpg', canvas().withIccProfile('p3').jpeg(), {}],
  ['a PNG', 'a.png', canvas().png(), {}],
  ['an interlaced PNG', 'a.png', canvas().png({ progressive: true }), {}],
  ['a PNG with a palette', 'a.png', canvas().png({ palette: true }), {}],
  ['a PNG with 16 bits a sample', 'a.png', canvas().toColourspace('rgb16').png(), { colour_space: 'rgb16', bits_per_sample: 16 }],
  ['a transparent PNG', 'a.png', canvas({ channels: 4, background: '#80808080', noise: undefined as never }).png(), { has_alpha: true }],
  ['a PNG of one pixel', 'a.png', canvas({ width: 1, height: 1 }).png(), { width: 1, height: 1 }],
  ['a long and low PNG', 'a.png', canvas({ width: 20_000, height: 1 }).png(), { width: 20_000, height: 1 }],
  ['a lossy WebP', 'a.webp', canvas().webp(), {}],
  ['a lossless WebP', 'a.webp', canvas().webp({ lossless: true }), {}],
])('%s is accepted with its facts', async (_, filename, picture, expected) => {
  expect(outcome(await inspected(await picture.toBuffer(), filename))).toEqual({ ...facts, ...expected })
})

test('the facts of an animated WebP contain the size of a frame and the number of frames', async () => {
  expect(outcome(await inspected(sample('good/spinning badge.webp'), 'badge.webp'))).toEqual({
    ...facts,
    width: 160,
    height: 160,
    frames: 4,
    has_alpha: true,
  })
})

const whole = {
  'photo.jpg': await canvas().jpeg().toBuffer(),
  'progressive.jpg': await canvas().jpeg({ progressive: true }).toBuffer(),
  'logo.png': await canvas().png().toBuffer(),
  'interlaced.png': await canvas().png({ progressive: true }).toBuffer(),
  'poster.webp': await canvas().webp().toBuffer(),
  'lossless.webp': await canvas().webp({ lossless: true }).toBuffer(),
  'animated.webp': sample('good/spinning badge.webp'),
}

test.each(Object.entries(whole))('%s is corrupt if its end is missing, even a single byte', async (filename, bytes) => {
  for (const missing of [1, 2, 4, 11, 12, 13, 40, Math.floor(bytes.length / 2), bytes.length - 60]) {
    const result = outcome(await inspected(bytes.subarray(0, bytes.length - missing), filename))
    expect(result, `${missing} bytes missing`).toMatch(new RegExp(`^file_corrupt: File '${filename}' can't be read: `))
  }
})

test('a file with only the signature of a picture is corrupt', async () => {
  for (const [filename, bytes] of Object.entries(whole)) {
    const pretender = Buffer.concat([bytes.subarray(0, 16), Buffer.from('and then only words. '.repeat(50))])
    expect(outcome(await inspected(pretender, filename)), filename).toMatch(/^file_corrupt: /)
  }
})

test('a picture with damaged pixels is corrupt', async () => {
  const bytes = Buffer.from(whole['logo.png'])
  bytes.writeUInt32BE(0xdeadbeef, bytes.length >> 1)

  expect(outcome(await inspected(bytes, 'logo.png'))).toBe(
    "file_corrupt: File 'logo.png' can't be read: the chunk 'IDAT' has a wrong checksum.",
  )
})

test('a picture with too many pixels is rejected by its header, before pixels are read', {
  meta: { id: 'pixel-limit-by-header' },
}, async () => {
  const bomb = Buffer.from(whole['logo.png'])
  bomb.writeUInt32BE(12_000, 16)
  bomb.writeUInt32BE(12_000, 20)
  bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29)

  expect(outcome(await inspected(bomb, 'bomb.png'))).toBe(
    "too_many_pixels: File 'bomb.png' has 144 megapixels in all its frames; the maximum is 100.",
  )
})

test('the limit of pixels applies to all frames together', { meta: { id: 'pixel-limit-counts-frames' } }, async () => {
  const limits = { ...defaultLimits, maxPixels: 4 * 160 * 160 - 1 }

  expect(outcome(await inspected(sample('good/spinning badge.webp'), 'badge.webp', limits))).toMatch(/^too_many_pixels: /)
  expect(await inspected(sample('good/spinning badge.webp'), 'badge.webp', { ...limits, maxPixels: 4 * 160 * 160 })).toMatchObject({
    ok: true,
  })
})

test('an animation with too many frames is rejected', async () => {
  expect(outcome(await inspected(sample('good/spinning badge.webp'), 'badge.webp', { ...defaultLimits, maxFrames: 3 }))).toBe(
    "too_many_frames: File 'badge.webp' has 4 frames; the maximum is 3.",
  )
})

test.each(['vips_malloc: out of memory', 'VipsJpeg: Insufficient memory (case 4)', 'timeout: 42% complete'])(
  'the decoder error "%s" is not a verdict on the file',
  (message) => {
    const error = new Error(message)

    expect(() => rethrowDecoderError(error)).toThrow(error)
  },
)

test('loaders for other formats are never used', async () => {
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')
  const tiff = await canvas().tiff().toBuffer()

  await expect(sharp(svg).metadata()).rejects.toThrow('unsupported image format')
  await expect(sharp(tiff).metadata()).rejects.toThrow('unsupported image format')
})
