import sharp from 'sharp'
import { expect, test } from 'vitest'
import { decodeEveryPixel } from '../../src/full/picture/decode.ts'

const drawing = { create: { width: 40, height: 30, channels: 3, background: '#c03' } } as const

/** Other sizes than in the structure, one with the same number of pixels. */
const others = [
  { width: 39, height: 30 },
  { width: 41, height: 30 },
  { width: 40, height: 29 },
  { width: 40, height: 31 },
  { width: 30, height: 40 },
  { width: 20, height: 60 },
]

test.each(['jpeg', 'png', 'webp'] as const)(
  'a %s is rejected if the decoder reads another size than its structure declares',
  async (format) => {
    const bytes = await sharp(drawing).toFormat(format).toBuffer()

    await expect(decodeEveryPixel(bytes, { width: 40, height: 30, frames: 1 }, 60)).resolves.toBeUndefined()
    for (const size of others) {
      await expect(decodeEveryPixel(bytes, { ...size, frames: 1 }, 60)).rejects.toThrow('its header is ambiguous')
    }
  },
)

test.each(['jpeg', 'png', 'webp'] as const)('a %s is decoded completely, although only one column is extracted', async (format) => {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const bytes = await sharp({ create: { ...drawing.create, width: 400, height: 300, noise } })
    .toFormat(format)
    .toBuffer()
  const cut = bytes.subarray(0, Math.floor(bytes.length * 0.98))

  await expect(decodeEveryPixel(bytes, { width: 400, height: 300, frames: 1 }, 60)).resolves.toBeUndefined()
  await expect(decodeEveryPixel(cut, { width: 400, height: 300, frames: 1 }, 60)).rejects.toThrow()
})
