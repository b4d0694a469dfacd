import { expect, test } from 'vitest'
import { framed } from '../../src/commands/status/index.ts'

const lines = ['one', 'a line that is too long', 'three', 'four']

test('a screen of --watch is cut to the size of the terminal, and drawn over the last one', () => {
  expect(framed(lines, { isTTY: true, columns: 10, rows: 4 })).toBe('\u001b[Hone\u001b[K\na line th…\u001b[K\n2 more li…\u001b[K\u001b[J')
  expect(framed(lines, { isTTY: true, columns: 80, rows: 24 })).toContain('a line that is too long\u001b[K\nthree\u001b[K\nfour')
  expect(framed(lines, { isTTY: true, columns: 0, rows: 0 })).toContain('four') // a terminal that reports no size
})

test('in a file it has no control characters', () => {
  expect(framed(lines, { isTTY: false, columns: 10, rows: 2 })).toBe(`${lines.join('\n')}\n`)
})
