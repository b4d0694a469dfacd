import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { Meter, Tally } from '../../src/intake/meter.ts'

const options = { filename: 'a.png', limitBytes: 1_000_000 }

const chunksOf = (bytes: Buffer, chunkBytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.byteLength / chunkBytes) }, (_, i) => bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes))

const readableOf = (bytes: Buffer, chunkBytes: number) => Readable.from(chunksOf(bytes, chunkBytes), { objectMode: false })

test.each([
  [100, 1],
  [4100, 4100],
  [10_000, 1],
  [200_000, 65_536],
])('a file of %i bytes in chunks of %i is streamed unchanged after its head was read', async (sizeBytes, chunkBytes) => {
  const bytes = randomBytes(sizeBytes)
  const tally = new Tally()
  const meter = new Meter(readableOf(bytes, chunkBytes), tally)

  expect(bytes.subarray(0, 4100).equals(await meter.peek())).toBe(true)
  expect(tally.sizeBytes).toBeLessThan(Math.min(sizeBytes, 4100) + chunkBytes)
  expect(bytes.equals(await buffer(meter.stream(options)))).toBe(true)

  expect(tally).toMatchObject({ sizeBytes })
  expect(tally.contentHash()).toBe(createHash('sha256').update(bytes).digest('hex'))
})

test('a refused file stays open, so that its rest can be drained', async () => {
  const bytes = randomBytes(100_000)
  const source = readableOf(bytes, 8192)
  const meter = new Meter(source, new Tally())
  const head = await meter.peek()
  meter.close()

  expect(source.destroyed).toBe(false)
  const rest = await buffer(source)
  expect(bytes.subarray(8192).equals(rest)).toBe(true)
  expect(head.byteLength).toBe(4100)
})

test('a stream that is destroyed ends at once, although its source is silent', async () => {
  const source = new Readable({ read: () => {} })
  source.push(randomBytes(5000))
  const meter = new Meter(source, new Tally())
  await meter.peek()
  const stream = meter.stream(options)
  const ended = new Promise((resolve) => stream.once('error', resolve))
  stream.resume()
  stream.destroy(new Error('the store failed'))
  meter.close()
  expect(await ended).toMatchObject({ message: 'the store failed' })
  expect(source.destroyed).toBe(false)
})

test.each([
  ['beyond its maximum', { limitBytes: 9999 }, 'file_too_large'],
  ['with another hash than declared', { expectedHash: 'a'.repeat(64) }, 'digest_mismatch'],
])('the stream of a file %s fails', async (_what, given, code) => {
  const meter = new Meter(readableOf(randomBytes(10_000), 5000), new Tally())
  await meter.peek()
  await expect(buffer(meter.stream({ ...options, ...given }))).rejects.toMatchObject({ code })
})
