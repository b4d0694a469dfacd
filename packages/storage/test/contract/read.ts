import { MiB } from '@airlock/domain'
import { ObjectChanged, ObjectMissing } from '@airlock/storage'
import { beforeAll, describe, expect, test } from 'vitest'
import { bytesOf, sha256, someBytes, streamOf } from './bytes.ts'
import type { Bench } from './store-under-test.ts'

export function readContract(bench: Bench): void {
  describe('source', () => {
    const bytes = someBytes(3 * MiB + 17)
    const key = 'quarantine/to-read'
    const received = { etag: '', sizeBytes: 0 }

    beforeAll(async () => {
      Object.assign(received, await bench.store.receive(key, streamOf(bytes), { nonce: 'n' }))
    })

    const ranges = [
      { what: 'the first bytes', offset: 0, length: 4096 },
      { what: 'bytes in the middle', offset: MiB + 3, length: 100_000 },
      { what: 'the last byte', offset: bytes.byteLength - 1, length: 1 },
      { what: 'the bytes up to the end, if the range extends beyond it', offset: bytes.byteLength - 10, length: 100 },
      { what: 'nothing beyond the end', offset: bytes.byteLength, length: 10 },
      { what: 'nothing for an empty range', offset: 5, length: 0 },
    ]
    test.for(ranges)('returns $what', async ({ offset, length }) => {
      const read = await bench.store.source(key, received).read(offset, length)

      expect(Buffer.from(read).equals(bytes.subarray(offset, offset + length))).toBe(true)
    })

    test('streams all bytes', async () => {
      const source = bench.store.source(key, received)

      expect(source.size).toBe(bytes.byteLength)
      expect(sha256(await bytesOf(source))).toBe(sha256(bytes))
    })

    test('can be cancelled by the reader', async () => {
      let seen = 0
      for await (const chunk of bench.store.source(key, received).stream()) {
        seen += chunk.byteLength
        break
      }

      expect(seen).toBe(MiB)
    })

    test.for([
      [-1, 10],
      [0.5, 10],
      [0, -1],
      [Number.NaN, 1],
    ] as const)('refuses to read %s, %s', async ([offset, length]) => {
      await expect(bench.store.source(key, received).read(offset, length)).rejects.toThrow(RangeError)
    })

    test('reports a missing object', async () => {
      const source = bench.store.source('quarantine/never-was', { etag: '"0"', sizeBytes: 10 })

      await expect(source.read(0, 10)).rejects.toThrow(ObjectMissing)
      await expect(bytesOf(source)).rejects.toThrow(ObjectMissing)
    })

    test('reports that the object is not the pinned one', async () => {
      const before = await bench.store.receive('quarantine/overwritten', streamOf(someBytes(2 * MiB, 1)), { nonce: 'n' })
      const source = bench.store.source('quarantine/overwritten', before)
      await bench.store.receive('quarantine/overwritten', streamOf(someBytes(2 * MiB, 2)), { nonce: 'n' })

      await expect(source.read(0, 10)).rejects.toThrow(ObjectChanged)
      await expect(bytesOf(source)).rejects.toThrow(ObjectChanged)
    })

    test('reports that the object was replaced during the read', async () => {
      const before = await bench.store.receive('quarantine/exchanged', streamOf(someBytes(4 * MiB, 1)), { nonce: 'n' })
      const reading = bench.store.source('quarantine/exchanged', before).stream()[Symbol.asyncIterator]()
      await reading.next()

      await bench.store.receive('quarantine/exchanged', streamOf(someBytes(4 * MiB, 2)), { nonce: 'n' })

      const readOn = async () => {
        while (!(await reading.next()).done);
      }
      await expect(readOn()).rejects.toThrow(ObjectChanged)
    })

    test('treats a size other than the pinned one as a change', async () => {
      await expect(bench.store.source(key, { etag: received.etag, sizeBytes: received.sizeBytes - 1 }).read(0, 10)).rejects.toThrow(
        ObjectChanged,
      )
    })
  })
}
