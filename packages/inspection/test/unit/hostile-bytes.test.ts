import { defaultLimits } from '@airlock/inspection/full'
import { identify } from '@airlock/inspection/head'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mp4 } from '../boxes.ts'
import { inspected, sample } from '../sources.ts'

const seed = 20261124
const heads = {
  'photo.jpg': [0xff, 0xd8, 0xff],
  'logo.png': [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  'poster.webp': [...Buffer.from('RIFF\xff\x00\x00\x00WEBP', 'latin1')],
  'film.mp4': [0, 0, 0, 20, ...Buffer.from('ftypisom\0\0\0\0mp41', 'latin1')],
}
const originals = {
  'photo.jpg': sample('good/Sommer – Grüße vom Müggelsee.jpeg'),
  'logo.png': sample('good/logo small (2).png'),
  'poster.webp': sample('good/spinning badge.webp'),
  'scene.mp4': sample('good/scene-01.mp4'),
  'built.mp4': mp4(),
}
const limits = { ...defaultLimits, maxPixels: 1_000_000, maxDecodeSeconds: 5 }

const bytes = fc.uint8Array({ maxLength: 6000 })

test('identify describes any bytes without throwing', async () => {
  const anyHead = fc.oneof(
    bytes,
    fc.tuple(fc.constantFrom(...Object.values(heads)), bytes).map(([head, rest]) => Uint8Array.from([...head, ...rest])),
  )

  await fc.assert(
    fc.asyncProperty(anyHead, async (head) => {
      expect((await identify(head)).described).toMatch(/^[ -~]+$/)
    }),
    { seed, numRuns: 500 },
  )
})

test.each(Object.entries(heads))(
  'any bytes after the first bytes of %s get a verdict',
  { meta: { id: 'hostile-bytes-get-a-verdict' } },
  async (filename, head) => {
    await fc.assert(
      fc.asyncProperty(bytes, async (rest) => {
        expect(await inspected(Uint8Array.from([...head, ...rest]), filename, limits)).toMatchObject({ ok: false })
      }),
      { seed, numRuns: 150 },
    )
  },
)

test.each(Object.entries(originals))('%s truncated at any position is rejected', async (filename, original) => {
  expect(await inspected(original, filename, limits)).toMatchObject({ ok: true })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: original.length - 1 }), async (length) => {
      expect(await inspected(original.subarray(0, length), filename, limits)).toMatchObject({ ok: false })
    }),
    { seed, numRuns: 150 },
  )
})

test.each(Object.entries(originals))('%s with any bytes overwritten gets a verdict', { timeout: 60_000 }, async (filename, original) => {
  const anywhere = fc.integer({ min: 0, max: Math.min(original.length, 4000) - 1 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(anywhere, fc.uint8Array({ minLength: 1, maxLength: 8 })), { minLength: 1, maxLength: 4 }),
      async (edits) => {
        const edited = Buffer.from(original)
        for (const [at, replacement] of edits) edited.set(replacement.subarray(0, edited.length - at), at)

        expect(typeof (await inspected(edited, filename, limits)).ok).toBe('boolean')
      },
    ),
    { seed, numRuns: 200 },
  )
})
