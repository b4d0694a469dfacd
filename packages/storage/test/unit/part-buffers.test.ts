import { KiB, MiB } from '@airlock/domain'
import { expect, test } from 'vitest'
import { type PartBuffer, PartBuffers } from '../../src/s3/part-buffers.ts'

const filled = (part: PartBuffer, bytes: number): PartBuffer => {
  part.fill(Buffer.alloc(bytes, 1), 0)
  return part
}

test('a small file takes little memory', () => {
  const part = filled(new PartBuffers(5 * MiB, 1).first(), 1000)

  expect(part.bytes.byteLength).toBe(1000)
  expect(part.bytes.buffer.byteLength).toBe(64 * KiB)
})

test('bytes that do not fit are left for the next part', () => {
  const part = new PartBuffers(MiB, 1).first()
  const chunk = Buffer.from(Array.from({ length: MiB + 10 }, (_, index) => index % 251))

  expect(part.fill(chunk, 0)).toBe(MiB)
  expect(part.isFull).toBe(true)
  expect(part.fill(chunk, MiB)).toBe(0)
  expect(part.bytes.equals(chunk.subarray(0, MiB))).toBe(true)
})

test('a chunk can be split between parts', () => {
  const part = new PartBuffers(MiB, 1).next()

  expect(part.fill(Buffer.from('abcdef'), 4)).toBe(2)
  expect(part.bytes.toString()).toBe('ef')
})

test('released memory is reused for the next part', () => {
  const buffers = new PartBuffers(MiB, 1)
  const first = filled(buffers.first(), MiB)

  buffers.giveBack(first)

  expect(buffers.next().bytes.buffer).toBe(first.bytes.buffer)
})

test('the pool keeps a bounded amount of memory', () => {
  const buffers = new PartBuffers(MiB, 1)
  const [one, two] = [buffers.next(), buffers.next()]

  buffers.giveBack(one)
  buffers.giveBack(two)

  expect(buffers.next().bytes.buffer).toBe(one.bytes.buffer)
  expect(buffers.next().bytes.buffer).not.toBe(two.bytes.buffer)
})

test('a part that waits for memory gets the first that is returned, in the order of the calls', async () => {
  const buffers = new PartBuffers(MiB, 1)
  const [one, two, small] = [buffers.next(), filled(buffers.first(), MiB), buffers.first()]
  const waiting = Promise.all([buffers.nextReturned(), buffers.nextReturned()])

  for (const part of [small, two, one]) buffers.giveBack(part)

  const [first, second] = await waiting
  expect(first.bytes.buffer).toBe(two.bytes.buffer)
  expect(second.bytes.buffer).toBe(one.bytes.buffer)
})

test('a part waits briefly for memory, and not while some is spare', async () => {
  const buffers = new PartBuffers(MiB, 1)
  const begun = performance.now()
  const part = await buffers.nextReturned()
  expect(performance.now() - begun).toBeGreaterThan(90)
  expect(performance.now() - begun).toBeLessThan(1000)

  buffers.giveBack(part)
  expect((await buffers.nextReturned()).bytes.buffer).toBe(part.bytes.buffer)
})

test('the memory of a small file is reused for the next small file only', () => {
  const buffers = new PartBuffers(MiB, 1)
  const small = filled(buffers.first(), 10)

  buffers.giveBack(small)

  expect(buffers.next().bytes.buffer).not.toBe(small.bytes.buffer)
  expect(buffers.first().bytes.buffer).toBe(small.bytes.buffer)
})

test('a file that outgrows its first memory gives it back, and keeps its bytes', () => {
  const buffers = new PartBuffers(MiB, 1)
  const part = buffers.first()
  part.fill(Buffer.alloc(64 * KiB, 1), 0)
  const first = part.bytes.buffer
  part.fill(Buffer.from([2]), 0)

  expect(part.bytes.equals(Buffer.concat([Buffer.alloc(64 * KiB, 1), Buffer.from([2])]))).toBe(true)
  expect(buffers.first().bytes.buffer).toBe(first)
})

test('the CRC32 of a part is that of its bytes, however they came', () => {
  const chunk = Buffer.from('The quick brown fox jumps over the lazy dog')
  const part = new PartBuffers(MiB, 1).next()
  part.fill(chunk.subarray(0, 7), 0)
  part.fill(chunk, 7)

  // the known CRC32 of this sentence
  expect(part.crc32).toBe(Buffer.from('414fa339', 'hex').toString('base64'))
  expect(new PartBuffers(MiB, 1).next().crc32).toBe('AAAAAA==')
})
