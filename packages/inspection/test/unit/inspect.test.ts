import { type AssetType, bytesInMemory, claimedTypeOf, kindsOf, type MediaType, MiB } from '@airlock/domain'
import { defaultLimits, inspect, inspectionVersion } from '@airlock/inspection/full'
import { expect, test } from 'vitest'
import { box } from '../boxes.ts'
import { inspected, outcome, sample, samples, watched } from '../sources.ts'

const picture = { filename: 'photo.jpg', mediaType: 'image/jpeg', assetType: 'brand_image' } as const
const video = { filename: 'film.mp4', mediaType: 'video/mp4', assetType: 'generated_video' } as const

test.each(samples)('the verdict on $file is $expected', async ({ file, asset_type: assetType, expected }) => {
  const filename = file.split('/').at(-1) ?? ''
  const mediaType = claimedTypeOf(filename) as MediaType
  const verdict = await inspect(bytesInMemory(sample(file)), { filename, mediaType, assetType })

  expect(verdict.ok ? 'completed' : verdict.refusal.code).toBe(expected)
  if (verdict.ok) expect(verdict.mediaType).toBe(mediaType)
})

test('every verdict contains the version of the rules', async () => {
  expect(await inspected(sample('good/logo.png'), 'logo.png')).toMatchObject({
    inspectionVersion,
    facts: { inspection_version: inspectionVersion },
  })
  expect(await inspected(sample('bad/note.jpg'), 'note.jpg')).toMatchObject({ ok: false, inspectionVersion })
})

test('the type that the gateway detected is verified', async () => {
  const verdict = await inspect(bytesInMemory(sample('good/logo.png')), picture)

  expect(outcome(verdict)).toBe("type_mismatch: File 'photo.jpg' claims to be JPEG, but its content is PNG.")
})

test('a valid file of a type that its kind does not allow is rejected', async () => {
  const verdict = await inspect(bytesInMemory(sample('good/scene-01.mp4')), { ...video, assetType: 'brand_image' })

  expect(outcome(verdict)).toMatch(/^type_not_allowed: /)
})

test('a file larger than its kind allows is rejected without reading it', async () => {
  const source = watched(sample('good/logo.png'))
  const limits = { ...defaultLimits, maxBytes: { ...defaultLimits.maxBytes, brand_image: source.size - 1 } }
  const verdict = await inspect(source, { ...picture, filename: 'logo.png', mediaType: 'image/png' }, limits)

  expect(verdict).toMatchObject({ ok: false, refusal: { code: 'file_too_large' } })
  expect(source.reads).toEqual([])
})

test('an empty file is rejected without reading it', async () => {
  const source = watched(Buffer.alloc(0))

  expect(outcome(await inspect(source, picture))).toBe("empty_file: File 'photo.jpg' has 0 bytes.")
  expect(source.reads).toEqual([])
})

const failing: [AssetType, Buffer][] = [
  ['brand_image', sample('good/IMG_4211.JPG')],
  // too large to be read at once
  ['generated_video', Buffer.concat([sample('good/Final cut v2.mp4'), box('free', Buffer.alloc(MiB))])],
]

test.each([
  ['a picture of any size', 'photo.jpg', Buffer.concat([sample('good/IMG_4211.JPG'), Buffer.alloc(MiB)])],
  ['a small video', 'film.mp4', sample('good/Final cut v2.mp4')],
  ['a small training set', 'set.zip', sample('good/boats.zip')],
])('%s is read once', async (_, filename, bytes) => {
  const mediaType = claimedTypeOf(filename) ?? 'image/jpeg'
  const [assetType = 'brand_image'] = kindsOf(mediaType)
  const source = watched(bytes)

  expect(await inspect(source, { filename, mediaType, assetType })).toMatchObject({ ok: true })
  expect(source.reads).toEqual([{ offset: 0, length: bytes.length }])
})

test.each(failing)('an error of the source is rethrown unchanged for a %s', async (assetType, bytes) => {
  const upload = assetType === 'brand_image' ? picture : video
  const reads = watched(bytes)
  await inspect(reads, upload)

  for (const failingRead of reads.reads.keys()) {
    const outOfReach = new Error('the store is out of reach')
    let read = 0
    const source = {
      ...bytesInMemory(bytes),
      read: async (offset: number, length: number) =>
        read++ === failingRead ? Promise.reject(outOfReach) : bytes.subarray(offset, offset + length),
    }

    await expect(inspect(source, upload)).rejects.toBe(outOfReach)
  }
})

test.each(failing)('a source that returns too few bytes of a %s causes an error, not a verdict', async (assetType, bytes) => {
  const source = { ...bytesInMemory(bytes), read: async (offset: number, length: number) => bytes.subarray(offset, offset + length - 1) }

  await expect(inspect(source, assetType === 'brand_image' ? picture : video)).rejects.toThrow(
    /^The source returned \d+ bytes from 0 instead of \d+$/,
  )
})
