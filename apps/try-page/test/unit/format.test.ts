import { expect, test } from 'vitest'
import { bytesText, durationText, factTexts, Rate } from '../../src/format.ts'

test.for([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_949, '1.0 MB'],
  [12_345, '12.3 kB'],
  [123_456_789, '123 MB'],
  [2_147_483_648, '2.1 GB'],
  [5_000_000_000_000, '5000 GB'],
] as const)('%i bytes are shown as %s', ([bytes, text]) => {
  expect(bytesText(bytes)).toBe(text)
})

test.for([
  [0, '0 ms'],
  [412.4, '412 ms'],
  [1000, '1.0 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [59_400, '59 s'],
  [60_000, '1 min'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h'],
  [4_320_000, '1 h 12 min'],
] as const)('%i ms are shown as %s', ([ms, text]) => {
  expect(durationText(ms)).toBe(text)
})

test('facts have names and units for people; what says nothing is left out', () => {
  const facts = {
    width: 480,
    height: 270,
    duration_seconds: 3.02,
    has_location: false,
    unpacked_bytes: 17_000,
    frame_rate: 23.976,
    codec: null,
  }
  expect(factTexts({ ...facts, inspection_version: 4 })).toEqual([
    ['Size', '480 × 270 px'],
    ['Duration', '3.0 s'],
    ['Has location', 'no'],
    ['Unpacked bytes', '17.0 kB'],
    ['Frame rate', '23.98'],
  ])
})

test('the rate is that of the last seconds, without what an earlier run had sent', () => {
  const rate = new Rate(0)
  rate.report(0, 0)
  rate.report(10, 50_000_000) // parts that the store has already
  expect(rate.bytesPerSecond()).toBeNull()
  for (let at = 300; at <= 2300; at += 100) rate.report(at, 50_000_000 + at * 1000)
  expect(rate.bytesPerSecond()).toBeCloseTo(1_000_000, -4)
  for (let at = 2400; at <= 20_000; at += 100) rate.report(at, 52_300_000) // the connection stalls
  expect(rate.bytesPerSecond()).toBe(0)
  rate.report(20_100, 0) // the request is repeated
  expect(rate.bytesPerSecond()).toBeNull()
})
