import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOfPart, GiB, MiB, missingParts, multipartLimits, mustBeParts, partBytesFor, partCountOf } from '../../src/index.ts'

const { minPartBytes, maxPartBytes, maxParts } = multipartLimits

test.each([
  ['a file of 2 GiB has the preferred size', 2 * GiB, 16 * MiB, 16 * MiB, 128],
  ['a part is never smaller than 5 MiB', 12 * MiB, 1 * MiB, 5 * MiB, 3],
  ['a part is never larger than 5 GiB', 20 * GiB, 8 * GiB, 5 * GiB, 4],
  ['a huge file has larger parts, so that there are at most 10,000', 1024 * GiB, 16 * MiB, 105 * MiB, 9987],
  ['a file below one part is one part', 1, 16 * MiB, 16 * MiB, 1],
])('%s', (_, sizeBytes, preferred, partBytes, count) => {
  expect(partBytesFor(sizeBytes, preferred)).toBe(partBytes)
  expect(partCountOf({ sizeBytes, partBytes })).toBe(count)
})

test.each([0, -1, 1.5, Number.NaN, maxParts * maxPartBytes + 1])('a file of %s bytes has no parts', (sizeBytes) => {
  expect(() => partBytesFor(sizeBytes, 16 * MiB)).toThrow(RangeError)
})

test('the parts of any file are within the limits of S3 and add up to it', () => {
  const anySize = fc.oneof(
    fc.integer({ min: 1, max: 3 * GiB }),
    fc.maxSafeInteger().map((n) => 1 + (Math.abs(n) % (maxParts * maxPartBytes))),
  )
  fc.assert(
    fc.property(anySize, fc.integer({ min: 1, max: 6 * GiB }), (sizeBytes, preferred) => {
      const sizes = { sizeBytes, partBytes: partBytesFor(sizeBytes, preferred) }
      const count = partCountOf(sizes)
      expect(sizes.partBytes).toBeGreaterThanOrEqual(minPartBytes)
      expect(sizes.partBytes).toBeLessThanOrEqual(maxPartBytes)
      expect(count).toBeLessThanOrEqual(maxParts)
      const last = bytesOfPart(count, sizes)
      expect(last).toBeGreaterThan(0)
      expect((count - 1) * sizes.partBytes + last).toBe(sizeBytes)
    }),
    { seed: 20261128, numRuns: 1000 },
  )
})

const twelve = { sizeBytes: 12 * MiB, partBytes: 5 * MiB }

test.each([[[1, 2, 3]], [[3]], [[]]])('%j are parts of a file with three', (numbers) => {
  expect(() => mustBeParts(numbers, 'scene.mp4', twelve)).not.toThrow()
})

test.each([[[0]], [[4]], [[1, -1]], [[1.5]], [[Number.NaN]]])('%j are not', (numbers) => {
  expect(() => mustBeParts(numbers, 'scene.mp4', twelve)).toThrow(
    "The parts of file 'scene.mp4' have the numbers 1 to 3; another one was requested.",
  )
})

test('a part counts as stored only with exactly its size', () => {
  const part = (number: number, sizeBytes: number) => ({ number, sizeBytes })
  expect(missingParts([], twelve)).toEqual([1, 2, 3])
  expect(missingParts([part(1, 5 * MiB), part(2, 5 * MiB - 1), part(3, 5 * MiB)], twelve)).toEqual([2, 3])
  expect(missingParts([part(3, 2 * MiB), part(1, 5 * MiB), part(2, 5 * MiB), part(4, 1)], twelve)).toEqual([])
})
