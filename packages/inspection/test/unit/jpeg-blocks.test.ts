import sharp from 'sharp'
import { expect, test } from 'vitest'
import { parseJpeg } from '../../src/full/picture/jpeg.ts'
import { countBlocks } from '../../src/full/picture/jpeg-blocks.ts'
import { endOfBlock, HuffmanTable, sizeMask, stepBits, stepLengthMask } from '../../src/full/picture/jpeg-huffman.ts'

/** Noise, so that there are codes of every length, and many times more data than `CodedData` has in memory at once. */
const noise = sharp({
  create: { width: 600, height: 400, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
})
const photo = await noise.jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer()

function count(bytes: Buffer): void {
  for (const scan of parseJpeg(bytes).sequential) countBlocks(bytes, scan)
}

const beforeEnd = (bytes: Buffer, added: Buffer): Buffer => Buffer.concat([bytes.subarray(0, -2), added, bytes.subarray(-2)])

test.each([1, 20, 60, 92, 100])('all blocks of a picture of quality %d are counted', async (quality) => {
  for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
    const bytes = await noise.clone().jpeg({ quality, chromaSubsampling }).toBuffer()
    expect(() => count(bytes), chromaSubsampling).not.toThrow()
  }
})

test('a picture that lacks its last bytes, or ends anywhere before, has missing pixels', () => {
  for (const kept of [photo.length - 3, photo.length - 4, photo.length - 300, photo.length >> 1, 70_000, 33_000]) {
    const cut = photo[kept - 1] === 0xff ? kept - 1 : kept
    const bytes = Buffer.concat([photo.subarray(0, cut), photo.subarray(-2)])

    expect(() => count(bytes), `${kept} of ${photo.length} bytes`).toThrow('pixels are missing')
  }
})

test.each([
  ['zeros', Buffer.alloc(17)],
  ['stuffed bytes, each of which counts as two', Buffer.from('ff00'.repeat(9), 'hex')],
  ['more than is in memory at once', Buffer.alloc(100_000, 0x55)],
])('up to 16 bytes may follow the pixels, counted as in the file: %s', (_, excess) => {
  const tolerated = excess.subarray(0, 16)

  expect(() => count(beforeEnd(photo, tolerated))).not.toThrow()
  expect(() => count(beforeEnd(photo, excess))).toThrow(`${excess.length} bytes follow its pixels`)
})

test('a block with more coefficients than 64 is damaged', () => {
  const oneCode = (value: number) => new HuffmanTable(Buffer.from([1, ...Array(15).fill(0)]), Buffer.from([value]))
  const component = { id: 1, h: 1, v: 1, dcTable: 0, acTable: 0 }
  const scanWith = (acValue: number) => ({
    at: 0,
    frame: { width: 8, height: 8, progressive: false, components: [component] },
    components: [component],
    tables: new Map([
      [0x00, oneCode(0)],
      [0x10, oneCode(acValue)],
    ]),
    restartInterval: 0,
  })
  // each code is a 0, and one bit follows it
  const data = Buffer.from([...Array(16).fill(0), 0xff, 0xd9])

  expect(() => countBlocks(data, scanWith(0x01))).not.toThrow()
  expect(() => countBlocks(data, scanWith(0x91))).toThrow('its pixels are damaged')
})

test('a step takes the same codes as one code after the other', () => {
  // lengths 2, 3 (three times), 4, 5, 15 and 16: an end of block, runs, and a run of 16 zeros
  const counts = Buffer.from([0, 1, 3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  const table = new HuffmanTable(counts, Buffer.from([0x01, 0x00, 0x02, 0xf0, 0x31, 0x12, 0xfa, 0x25]))

  for (const [bits, step] of table.steps.entries()) {
    const text = bits.toString(2).padStart(stepBits, '0')
    let [at, taken, ends] = [0, 0, false]
    for (;;) {
      const code = table.codeAt(Number.parseInt(text.slice(at).padEnd(16, '0').slice(0, 16), 2))
      if (ends || code === 0 || at + (code >> 8) > stepBits) break
      ends = (code & 0xff) === 0
      at += (code >> 8) + (code & sizeMask)
      taken += ((code >> 4) & 15) + 1
    }
    const expected = at === 0 ? { taken: 65, at: 0, ends: false } : { taken, at, ends }
    expect({ taken: step >> 6, at: step & stepLengthMask, ends: (step & endOfBlock) > 0 }, text).toEqual(expected)
  }
})
