import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const page = readFileSync(`${root}docs/failure-model.md`, 'utf8')

/** Short names of test files, as the page itself introduces them. */
const files = new Map(
  [...page.matchAll(/\*(\w+)\*(?: is)?\s+\[[\w-]+\]\(\.\.\/([^)]+)\)/g)].map(([, name = '', path = '']) => [name, path]),
)

/** Cells of each row: step, what happens, what is left, who mends it, test. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| (step|---)/.test(line))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim()))

test('the failure model has a row for each step, and each row says what happens, what is left, who mends it and which test shows it', () => {
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.filter((cells) => cells.length !== 5 || cells.includes(''))).toEqual([])
})

test.for(rows)('%s: %s: its test is there', ([, , , , cell = '']) => {
  const { name = '', sentence = '' } = /^(?<name>[\w./-]+): `(?<sentence>.+)`$/.exec(cell)?.groups ?? {}
  const text = readFileSync(root + (files.get(name) ?? name), 'utf8')
  const titles = ["'", '`'].flatMap((quote) => [`${quote}${sentence}${quote}`, `${quote}\${sample.filename}${sentence}${quote}`])
  expect(titles.some((title) => text.includes(title))).toBe(true)
})
