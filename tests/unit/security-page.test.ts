import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { testsById } from '../test-ids.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tests = testsById(root)
const page = readFileSync(`${root}docs/security.md`, 'utf8')

/** The requirements of OWASP ASVS 5.0.0 on the page: chapter V5, sections 9.1 and 9.2, each with the level from which it applies. */
const standard = {
  '5.1.1': 'L2',
  '5.2.1': 'L1',
  '5.2.2': 'L1; L2 for all files',
  '5.2.3': 'L2',
  '5.2.4': 'L3',
  '5.2.5': 'L3',
  '5.2.6': 'L3',
  '5.3.1': 'L1',
  '5.3.2': 'L1',
  '5.3.3': 'L3',
  '5.4.1': 'L2',
  '5.4.2': 'L2',
  '5.4.3': 'L2',
  '9.1.1': 'L1',
  '9.1.2': 'L1',
  '9.1.3': 'L1',
  '9.2.1': 'L1',
  '9.2.2': 'L2',
  '9.2.3': 'L2',
  '9.2.4': 'L2',
}

/** The cells of each row: row, requirement, what Airlock does, tests. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\| (row|---)/.test(line))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim()))

test('the page has every row of the standard in order, with its level and all cells', () => {
  const answered = rows.flatMap(([row = '']) => /^(\d\.\d\.\d) \((.+)\)$/.exec(row)?.slice(1) ?? [])

  expect(answered).toEqual(Object.entries(standard).flat())
  expect(rows.filter((cells) => cells.length !== 4 || cells.includes(''))).toEqual([])
})

test('a row without a test is marked as a gap', () => {
  for (const [row, , does, shown] of rows) if (shown === '–') expect(does, row).toMatch(/^\*\*Gap:\*\*/)
})

/** The source of the rows of a table-driven test. */
const tableOf = (id: string, file: string): string =>
  (id === 'corpus-rejections' ? globSync('packages/inspection/corpus/bad/*.ts', { cwd: root }) : [file])
    .map((path) => readFileSync(root + path, 'utf8'))
    .join()

test.for(rows.filter(([, , , shown]) => shown !== '–'))('%s: its tests exist', ([, , , shown = '']) => {
  for (const named of shown.split('<br>')) {
    const [, id = '', row = ''] = /^`([\w-]+)`(?: \((.+)\))?$/.exec(named) ?? []
    const found = tests.get(id)
    expect(found, named).toBeDefined()
    expect(tableOf(id, found?.file ?? '')).toContain(row)
  }
})
