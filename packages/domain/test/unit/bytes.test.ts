import { expect, test } from 'vitest'
import { bytesInMemory, GiB, isUuid, KiB, MiB, readableBytes } from '../../src/index.ts'

const sizes: [number, string][] = [
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1023 bytes'],
  [KiB, '1 KiB'],
  [1536, '1.5 KiB'],
  [10 * MiB, '10 MiB'],
  [500 * MiB, '500 MiB'],
  [1.25 * GiB, '1.25 GiB'],
  [2 * GiB, '2 GiB'],
]

test.for(sizes)('%i bytes are written as %s', ([bytes, text], { expect }) => {
  expect(readableBytes(bytes)).toBe(text)
})

const source = bytesInMemory(Uint8Array.of(1, 2, 3, 4, 5))

test('bytes in memory can be read at any offset, fewer only at their end', async () => {
  expect(source.size).toBe(5)
  expect(await source.read(0, 2)).toEqual(Uint8Array.of(1, 2))
  expect(await source.read(3, 100)).toEqual(Uint8Array.of(4, 5))
  expect(await source.read(5, 1)).toEqual(new Uint8Array())
  expect(await source.read(99, 1)).toEqual(new Uint8Array())
})

test('bytes in memory can be streamed repeatedly', async () => {
  const all = async () => {
    const pieces: Uint8Array[] = []
    for await (const piece of source.stream()) pieces.push(piece)
    return Buffer.concat(pieces)
  }
  expect(await all()).toEqual(Buffer.from([1, 2, 3, 4, 5]))
  expect(await all()).toEqual(Buffer.from([1, 2, 3, 4, 5]))
})

const texts: [string, boolean][] = [
  ['01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f', true],
  ['01939A6E-0F4C-7C3A-9D2E-5A1B2C3D4E5F', true],
  ['00000000-0000-0000-0000-000000000000', true],
  ['01939a6e0f4c7c3a9d2e5a1b2c3d4e5f', false],
  ['{01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f}', false],
  ['01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5f\n', false],
  ['01939a6e-0f4c-7c3a-9d2e-5a1b2c3d4e5g', false],
  ['', false],
]

test.for(texts)('whether %j is a UUID: %s', ([text, is], { expect }) => {
  expect(isUuid(text)).toBe(is)
})
