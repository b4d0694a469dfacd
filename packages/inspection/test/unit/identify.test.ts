import { assetKind } from '@airlock/domain'
import { headBytes, identify } from '@airlock/inspection/head'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { ftyp } from '../boxes.ts'
import { sample, samples } from '../sources.ts'

const text = (content: string) => Buffer.from(content)
const iso = (...brands: [string, ...string[]]) => Buffer.concat([ftyp(...brands), Buffer.alloc(64)])

test.each(samples.filter(({ expected }) => expected === 'completed'))(
  '$file is identified by its first bytes',
  async ({ file, asset_type }) => {
    const { mediaType } = await identify(sample(file).subarray(0, headBytes))

    expect(assetKind(asset_type).mediaTypes).toContain(mediaType)
  },
)

test.each([
  ['an animated PNG', await animatedPng(), 'image/png', 'PNG'],
  ['a ZIP', text('PK\x03\x04\x14\x00\x00\x00\x00\x00'), 'application/zip', 'ZIP'],
  ['a GIF', text('GIF89a\x01\x00\x01\x00'), null, 'GIF'],
  ['a PDF', text('%PDF-1.7\n'), null, 'PDF'],
  [
    'a TIFF',
    await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .tiff()
      .toBuffer(),
    null,
    'TIFF',
  ],
  ['a program', Buffer.concat([text('\x7fELF\x02\x01\x01'), Buffer.alloc(64)]), null, 'a program'],
  ['an SVG', text('<svg xmlns="http://www.w3.org/2000/svg"/>'), null, 'SVG'],
  ['an SVG after an XML declaration', text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'), null, 'SVG'],
  ['other XML', text('<?xml version="1.0"?>\n<note/>'), null, 'XML'],
  ['HTML', text('\n<!DOCTYPE html><title>x</title>'), null, 'HTML'],
  ['a shell script', text('#!/bin/sh\necho hello\n'), null, 'a script'],
  ['plain text', text('Dear diary,\n'), null, 'plain text'],
  ['text whose last character is cut by the end of the head', text('ä'.repeat(10)).subarray(0, 19), null, 'plain text'],
  ['text with a NUL', text('a\0b'), null, 'of an unknown format'],
  ['noise', Buffer.from([0x9f, 0x00, 0x13, 0xfe, 0x80]), null, 'of an unknown format'],
  ['an empty file', Buffer.alloc(0), null, 'nothing'],
])('%s is described by its name', async (_, bytes, mediaType, described) => {
  expect(await identify(bytes)).toEqual({ mediaType, described })
})

test.each([
  ['isom', 'MP4'],
  ['mp42', 'MP4'],
  ['avc1', 'MP4'],
  ['M4V ', 'MP4'],
  ['dash', 'MP4'],
  ['cmfc', 'MP4'],
  ['MSNV', 'MP4'],
  ['qt  ', 'QuickTime'],
  ['M4A ', 'MPEG-4 audio'],
  ['heic', 'HEIC'],
  ['mif1', 'HEIF'],
  ['avif', 'AVIF'],
  ['3gp5', '3GP'],
  ['crx ', 'Canon raw'],
  ['jp2 ', 'JPEG 2000'],
])('a file with the brand %s is %s', async (brand, described) => {
  expect(await identify(iso(brand, brand))).toEqual({ mediaType: described === 'MP4' ? 'video/mp4' : null, described })
})

test('an unknown major brand is skipped in favour of a known compatible brand', async () => {
  expect(await identify(iso('XYZ1', 'ABC2', 'mp41'))).toEqual({ mediaType: 'video/mp4', described: 'MP4' })
})

test('a known major brand takes precedence over compatible brands', async () => {
  expect(await identify(iso('qt  ', 'mp42', 'isom'))).toEqual({ mediaType: null, described: 'QuickTime' })
})

test('a file with unknown brands is not an MP4, and its brand is described without control characters', async () => {
  expect(await identify(iso('a\nb\u0007', 'zzzz'))).toEqual({ mediaType: null, described: "media with the unknown brand 'a?b?'" })
})

test('brands after the end of the box are ignored', async () => {
  const bytes = Buffer.concat([ftyp('XYZ1'), Buffer.from('mp41mp41')])

  expect((await identify(bytes)).mediaType).toBeNull()
})

test('identify ignores bytes after the head', async () => {
  expect(await identify(text(`${' '.repeat(headBytes)}<svg >`))).toEqual({ mediaType: null, described: 'plain text' })
})

/** sharp writes no APNG, so an acTL chunk is inserted after the header of a PNG. file-type does not check its CRC. */
async function animatedPng(): Promise<Buffer> {
  const still = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const acTL = Buffer.concat([Buffer.from([0, 0, 0, 8]), Buffer.from('acTL'), Buffer.alloc(12)])
  return Buffer.concat([still.subarray(0, 33), acTL, still.subarray(33)])
}
