import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sha256 } from '../../src/sha256.ts'

const chunk = 2 ** 20
const sizes = [0, 1, 55, 56, 63, 64, 65, 119, 120, chunk - 64, chunk - 9, chunk - 8, chunk - 1, chunk, chunk + 1, 2 * chunk]

test.for(sizes)('the hash of %i bytes is that of another implementation', async (size) => {
  const bytes = randomBytes(size)
  expect(await sha256(new Blob([bytes]))).toBe(createHash('sha256').update(bytes).digest('hex'))
})

test('its text is a program of its own, as a worker needs it', async () => {
  const own = new Function(`return ${sha256}`)() as typeof sha256
  expect(await own(new Blob(['abc']))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
