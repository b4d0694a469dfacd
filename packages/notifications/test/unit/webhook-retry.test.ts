import { expect, test } from 'vitest'
import { retryInMs } from '../../src/deliver.ts'

const waits = (random: () => number, askedForMs = 0) =>
  Array.from({ length: 9 }, (_, i) => retryInMs({ attempt: i + 1, firstMs: 5000, askedForMs }, random) / 1000)

test('the delay triples up to an hour, with up to half as jitter', () => {
  expect(waits(() => 1)).toEqual([5, 15, 45, 135, 405, 1215, 3600, 3600, 3600])
  expect(waits(() => 0)).toEqual([2.5, 7.5, 22.5, 67.5, 202.5, 607.5, 1800, 1800, 1800])
})

test('an endpoint may request a longer delay, up to an hour', () => {
  expect(waits(() => 1, 60_000).slice(0, 4)).toEqual([60, 60, 60, 135])
  expect(waits(() => 0, 86_400_000)).toEqual(Array(9).fill(3600))
})
