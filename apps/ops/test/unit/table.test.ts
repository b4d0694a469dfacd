import { expect, test } from 'vitest'
import { age, fit, printable, Table, widthOf } from '../../src/table.ts'

test.for([
  ['a clear screen', '\u001b[2Jhi', '\ufffd[2Jhi'],
  ['a line end', 'a\r\nb', 'a\ufffd\ufffdb'],
  ['C1 controls, separators and text in reverse', '\u009b\u2028\u2029\u202e\u2066', '\ufffd'.repeat(5)],
  ['half a surrogate pair', 'a\ud800', 'a\ufffd'],
  ['letters of any script', 'Grüße 写真 ✓', 'Grüße 写真 ✓'],
])('%s cannot change the terminal', ([, text, shown], { expect }) => {
  expect(printable(text as string)).toBe(shown)
})

test.for([
  ['abc', 3],
  ['写真', 4],
  ['e\u0301', 1],
  ['🎬', 2],
  ['', 0],
] as const)('%s needs %i columns', ([text, width], { expect }) => {
  expect(widthOf(text)).toBe(width)
})

test.for(['a', 'exactly ten', '写真写真写真写真', 'e\u0301'.repeat(30), '🎬🎬🎬🎬🎬🎬', '\u001b[31mred'.repeat(9)])(
  '%j takes the width of its column, no more and no less',
  (text, { expect }) => {
    for (const width of [1, 2, 5, 9, 10, 40]) expect(widthOf(fit(text, width))).toBe(width)
  },
)

test('a shortened text shows that it is', () => {
  expect(fit('scene-01.mp4', 8)).toBe('scene-0…')
  expect(fit('scene-01.mp4', 12)).toBe('scene-01.mp4')
})

test('a table wider than 100 columns is a mistake', () => {
  const column = (width: number) => ({ title: 'X', width, of: (text: string) => text })
  expect(() => new Table([column(50), column(49)])).toThrow('101 columns')
  expect(new Table([column(50), column(48)]).row('a').length).toBeLessThanOrEqual(100)
})

test.for([
  [0, '0s'],
  [-5000, '0s'],
  [99_000, '99s'],
  [100_000, '1m'],
  [5_999_000, '99m'],
  [6_000_000, '1h'],
  [359_000_000, '99h'],
  [400_000_000, '4d'],
] as const)('%i ms are %s', ([ms, shown], { expect }) => {
  expect(age(ms)).toBe(shown)
})
