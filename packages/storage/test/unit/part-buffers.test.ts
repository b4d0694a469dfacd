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

test('a chunk can be split between parts', async () => {
  const part = await new PartBuffers(MiB, 1).next()

  expect(part.fill(Buffer.from('abcdef'), 4)).toBe(2)
  expect(part.bytes.toString()).toBe('ef')
})

test('released memory is reused for the next part', async () => {
  const buffers = new PartBuffers(MiB, 1)
  const first = filled(buffers.first(), MiB)

  buffers.end(first, { reuse: true })

  expect((await buffers.next()).bytes.buffer).toBe(first.bytes.buffer)
})

test('the pool keeps a bounded amount of memory', async () => {
  const buffers = new PartBuffers(MiB, 1)
  const [one, two] = [await buffers.next(), await buffers.next()]

  buffers.end(one, { reuse: true })
  buffers.end(two, { reuse: true })

  expect((await buffers.next()).bytes.buffer).toBe(one.bytes.buffer)
  expect((await buffers.next()).bytes.buffer).not.toBe(two.bytes.buffer)
})

test('when all memory is in use, the next part waits for the first that ends, in the order of the calls', async () => {
  const buffers = new PartBuffers(MiB, 2)
  const [one, two] = [await buffers.next(), filled(buffers.first(), MiB)]
  const waiting = Promise.all([buffers.next(), buffers.next()])

  buffers.end(two, { reuse: true })
  buffers.end(one, { reuse: true })

  const [first, second] = await waiting
  expect(first.bytes.buffer).toBe(two.bytes.buffer)
  expect(second.bytes.buffer).toBe(one.bytes.buffer)
})

test('a part does not wait long, nor for memory that will not come back', async () => {
  const buffers = new PartBuffers(MiB, 1)
  const [lost] = [await buffers.next()]
  const begun = performance.now()

  const other = await buffers.next()

  expect(performance.now() - begun).toBeGreaterThan(90)
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(other.bytes.buffer).not.toBe(lost.bytes.buffer)

  buffers.end(lost, { reuse: false })
  buffers.end(other, { reuse: false })
  const again = performance.now()
  const third = await buffers.next()
  expect(performance.now() - again).toBeLessThan(90)
  expect([lost.bytes.buffer, other.bytes.buffer]).not.toContain(third.bytes.buffer)
})

test('the memory of a small file is reused for the next small file only', async () => {
  const buffers = new PartBuffers(MiB, 1)
  const small = filled(buffers.first(), 10)

  buffers.end(small, { reuse: true })

  expect((await buffers.next()).bytes.buffer).not.toBe(small.bytes.buffer)
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

test('the CRC32 of a part is that of its bytes, however they came', async () => {
  const chunk = Buffer.from('The quick brown fox jumps over the lazy dog')
  const part = await new PartBuffers(MiB, 1).next()
  part.fill(chunk.subarray(0, 7), 0)
  part.fill(chunk, 7)

  // the known CRC32 of this sentence
  expect(part.crc32).toBe(Buffer.from('414fa339', 'hex').toString('base64'))
  expect((await new PartBuffers(MiB, 1).next()).crc32).toBe('AAAAAA==')
})
