import { expect, test } from 'vitest'
import { checkRow, hasFailed, summary, testRows } from '../../../verify/summary.ts'

const row = (name: string, passed: number, failed = 0) => ({ name, remark: `${passed} passed`, passed, failed, retried: [] })
const lastLine = (text: string) => text.split('\n').at(-1)

test('the last line contains only the totals, and passed checks do not count as tests', () => {
  const rows = [checkRow('lint', { ok: true, ms: 1_200 }), ...testRows([row('unit', 5), row('integration', 5)], true)]
  expect(summary(rows)).toBe(
    ['', 'lint         ok      1.2 s', 'unit         ok      5 passed', 'integration  ok      5 passed', '', '10 passed, 0 failed'].join(
      '\n',
    ),
  )
  expect(hasFailed(rows)).toBe(false)
})

test.each([
  ['a failed check', [checkRow('lint', { ok: false, ms: 1 }), ...testRows([row('unit', 5)], true)], '5 passed, 1 failed'],
  ['a failed test', testRows([row('unit', 5, 2)], false), '5 passed, 2 failed'],
  ['coverage below a floor, or an error outside of the tests', testRows([row('unit', 5)], false), '5 passed, 1 failed'],
  ['a run without a report', testRows(null, false), '0 passed, 1 failed'],
  ['a run that found no tests', testRows([], false), '0 passed, 1 failed'],
])('%s makes the result a failure', (_, rows, sum) => {
  expect(lastLine(summary(rows))).toBe(sum)
  expect(hasFailed(rows)).toBe(true)
})

test('a test that passed at a second attempt counts as passed, and is named', () => {
  const rows = testRows([{ ...row('integration', 5), retried: ['jobs > end: AssertionError'] }], true)
  expect(summary(rows).split('\n').slice(-2)).toEqual(['passed at a second attempt: jobs > end: AssertionError', '5 passed, 0 failed'])
})
