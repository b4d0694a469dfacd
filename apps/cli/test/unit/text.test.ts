import { expect, test } from 'vitest'
import { bytesOf, bytesText, cut, durationText, fit, printable, someOf, timeText, widthOf, wrap } from '../../src/text.ts'

test('nothing in a text moves the cursor, breaks the line or reverses what follows', () => {
  expect(printable('a\u001b[2Jb\r\nc\u0007\u202ed\u2028e\u009bf')).toBe('a\ufffd[2Jb\ufffd\ufffdc\ufffd\ufffdd\ufffde\ufffdf')
  expect(printable('\ud800x')).toBe('\ufffdx')
  expect(printable('Grüße 港 👩‍👩‍👧 é')).toBe('Grüße 港 👩‍👩‍👧 é')
})

test.for(['plain-name.png', '港湾の夕暮れ.png', '👩‍👩‍👧 family 🏳️‍🌈.mp4', 'e\u0301e\u0301e\u0301.png', ''])(
  '%s is cut and padded to any width',
  (text) => {
    for (let width = 0; width <= 30; width++) {
      expect(widthOf(cut(text, width))).toBeLessThanOrEqual(width)
      expect(widthOf(fit(text, width)), `${width}`).toBe(width)
    }
  },
)

test('a name is cut in its middle, so that its end remains', () => {
  expect(cut('holiday in the mountains 0042.mp4', 20)).toBe('holiday in th…42.mp4')
  expect(cut('short.png', 20)).toBe('short.png')
})

test('a sentence is broken between words, and longer words stay whole', () => {
  expect(wrap('one two three', 8)).toEqual(['one two', 'three'])
  expect(wrap('a brand-images/0198c0de b', 6)).toEqual(['a', 'brand-images/0198c0de', 'b'])
})

test('sizes and durations are short', () => {
  const sizes = [0, 999, 1000, 10_000, 1_048_576, 10_430_000, 314_682_167, 2 ** 31]
  expect(sizes.map(bytesText)).toEqual(['0 B', '999 B', '1.0 KiB', '9.8 KiB', '1.0 MiB', '9.9 MiB', '300 MiB', '2.0 GiB'])
  for (let bytes = 1; bytes < 2 ** 45; bytes *= 1.7) expect(bytesText(Math.round(bytes)).length).toBeLessThanOrEqual(8)
  expect([bytesOf(0, 340 * 2 ** 20), bytesOf(5, 5), bytesOf(1.5 * 2 ** 30, 2 ** 31)]).toEqual([
    '0.0 of 340 MiB',
    '5 of 5 B',
    '1.5 of 2.0 GiB',
  ])
  expect([0, 8400, 59_600, 65_000, 7_800_000].map(durationText)).toEqual(['0 s', '8 s', '1:00', '1:05', '2:10:00'])
  expect(timeText('2026-11-28T14:03:00', new Date('2026-11-28T20:00:00'))).toBe('14:03')
  expect(timeText('2025-11-27T14:03:00', new Date('2026-11-28T20:00:00'))).toBe('27 Nov 2025 14:03')
})

test('of a long list only the first are named', () => {
  expect(someOf(['a', 'b\n'])).toBe('a, b\ufffd')
  expect(someOf(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more')
})
