import { bytesInMemory, MiB } from '@airlock/domain'
import { defaultLimits, inspect } from '@airlock/inspection/full'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { text, type ZipEntry, zipOf } from '../../corpus/surgery/zip.ts'
import { inspected, outcome, sample, watched } from '../sources.ts'

const set = { filename: 'set.zip', mediaType: 'application/zip', assetType: 'lora_training' } as const
const flat = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 3, background: '#c03' } })
    .webp({ lossless: true })
    .toBuffer()
const copies = (data: Buffer, count: number): ZipEntry[] => Array.from({ length: count }, (_, i) => ({ name: `${i}.webp`, data }))

describe('the limit of pixels for an archive', () => {
  const side = 200
  const limits = { ...defaultLimits, maxPixels: side * side }

  test('ten pictures of the maximum size pass in an archive of any size', async () => {
    expect(outcome(await inspected(zipOf(copies(await flat(side), 10)), 'set.zip', limits))).toMatchObject({ pictures: 10 })
  })

  test('one more is rejected before it is decoded, and the detail contains the limit', {
    meta: { id: 'archive-pixel-budget' },
  }, async () => {
    const bad = Buffer.from(await flat(side))
    bad.fill(0xff, 25) // its pixels can't be decoded
    const verdict = await inspected(zipOf([...copies(await flat(side), 10), { name: 'last.webp', data: bad }]), 'set.zip', limits)

    expect(outcome(verdict)).toBe(
      "archive_not_allowed: File 'set.zip' can't be used as a training set: its pictures have more than 0.4 megapixels in total, the maximum for an archive of its size.",
    )
  })

  test('the limit is proportional to the size of the archive', async () => {
    const padding: ZipEntry = { ...text('long.txt', ''), extra: field(20_000) }
    const entries = [...copies(await flat(side), 20), padding, { ...padding, name: 'long too.txt' }]

    expect(outcome(await inspected(zipOf(copies(await flat(side), 20)), 'set.zip', limits))).toMatch(/^archive_not_allowed/)
    expect(outcome(await inspected(zipOf(entries), 'set.zip', limits))).toMatchObject({ pictures: 20 })
  })

  test('each frame of an animation counts', async () => {
    const frames = ['#c03', '#03c'].map((background) => ({ create: { width: 100, height: 200, channels: 3 as const, background } }))
    const animation = await sharp(await Promise.all(frames.map((frame) => sharp(frame).png().toBuffer())), { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer()
    const verdict = outcome(await inspected(zipOf(copies(animation, 1)), 'set.zip', limits))

    expect(verdict).toMatchObject({ pictures: 1 })
    expect(outcome(await inspected(zipOf(copies(animation, 10)), 'set.zip', limits))).toMatchObject({ pictures: 10 })
    expect(outcome(await inspected(zipOf(copies(animation, 11)), 'set.zip', limits))).toMatch(/megapixels in total/)
  })
})

/** An unknown extra field. */
function field(length: number): Buffer {
  const bytes = Buffer.alloc(4 + length)
  bytes.writeUInt16LE(0xd935, 0)
  bytes.writeUInt16LE(length, 2)
  return bytes
}

describe('each byte of an archive is read about once', () => {
  const cases = {
    'many small entries': () => Array.from({ length: 9999 }, (_, i) => text(`${i}.txt`, `caption ${i}`)),
    'entries larger than a read': () =>
      Array.from({ length: 3 }, (_, i) => ({
        name: `${i}.jpg`,
        data: Buffer.concat([sample('good/IMG_4211.JPG'), Buffer.alloc(5 * MiB)]),
      })),
  }

  test.each(Object.entries(cases))('%s', async (_, entries) => {
    const bytes = zipOf([{ name: 'a.jpg', data: sample('good/IMG_4211.JPG') }, ...entries()])
    const source = watched(bytes)
    await inspect(source, set)
    const read = source.reads.reduce((sum, { length }) => sum + length, 0)

    expect(read).toBeLessThan(bytes.length * 1.05 + 200_000)
    expect(source.reads.length).toBeLessThan(6 + bytes.length / MiB)
  })
})

test('progress is reported while the central directory is read', async () => {
  const bytes = zipOf([{ name: 'a.jpg', data: Buffer.from('no picture') }, ...Array.from({ length: 4999 }, (_, i) => text(`${i}.txt`, ''))])
  let steps = 0
  const verdict = await inspect(bytesInMemory(bytes), set, defaultLimits, () => {
    steps++
  })

  expect(verdict.ok).toBe(false)
  expect(steps).toBeGreaterThanOrEqual(4)
})

test('an error of the source within an archive is rethrown', async () => {
  const tooLargeToBeReadAtOnce = { name: 'b.jpg', data: Buffer.concat([sample('good/IMG_4211.JPG'), Buffer.alloc(5 * MiB)]) }
  const bytes = zipOf([
    { name: 'a.jpg', data: sample('good/IMG_4211.JPG'), method: 8 },
    tooLargeToBeReadAtOnce,
    ...copies(await flat(20), 2),
  ])
  const reads = watched(bytes)
  await inspect(reads, set)
  expect(reads.reads.length).toBeGreaterThan(2)
  const outOfReach = new Error('the store is out of reach')

  for (const failing of reads.reads.keys()) {
    let read = 0
    const source = {
      ...bytesInMemory(bytes),
      read: async (offset: number, length: number) =>
        read++ === failing ? Promise.reject(outOfReach) : bytes.subarray(offset, offset + length),
    }
    await expect(inspect(source, set)).rejects.toBe(outOfReach)
  }
})
