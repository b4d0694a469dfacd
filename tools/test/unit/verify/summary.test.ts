import { expect, test } from 'vitest'
import { checkRow, hasFailed, summary, testRows } from '../../../verify/summary.ts'

const good = { passed: 5, failed: 0, skipped: 0, unsteady: [], ms: 1_000 }
const vitest = (ok: boolean, complaints = '') => ({ ok, ms: 2_000, complaints })
const lastLine = (text: string) => text.split('\n').at(-1)

test('the last line contains only the totals, and passed checks do not count as tests', () => {
  const rows = [checkRow('lint', { ok: true, ms: 1_200 }), ...testRows(vitest(true), { unit: good, integration: good }, true)]
  expect(summary(rows)).toBe(
    [
      '',
      'lint         ok              1.2 s',
      'unit         ok              1.0 s  5 passed',
      'integration  ok              1.0 s  5 passed',
      'coverage     ok',
      '',
      '10 passed, 0 failed',
    ].join('\n'),
  )
  expect(hasFailed(rows)).toBe(false)
})

test.each([
  ['a failed check', [checkRow('lint', { ok: false, ms: 1 }), ...testRows(vitest(true), { unit: good }, true)], '5 passed, 1 failed'],
  ['a failed test', testRows(vitest(false), { unit: { ...good, failed: 2 } }, true), '5 passed, 2 failed'],
  [
    'coverage below a floor',
    testRows(vitest(false, 'ERROR: Coverage for lines (1%) does not meet'), { unit: good }, true),
    '5 passed, 1 failed',
  ],
  ['an error outside of the tests', testRows(vitest(false), { unit: good }, true), '5 passed, 1 failed'],
  ['a run without a report', testRows(vitest(false), null, true), '0 passed, 1 failed'],
  ['a run that found no tests', testRows(vitest(false), {}, false), '0 passed, 1 failed'],
])('%s makes the result a failure', (_, rows, sum) => {
  expect(lastLine(summary(rows))).toBe(sum)
  expect(hasFailed(rows)).toBe(true)
})

test('coverage does not count as passed if failed tests prevented its measurement', () => {
  expect(summary(testRows(vitest(false), { unit: { ...good, failed: 1 } }, true))).toContain('coverage     not measured')
})

test('a test that passed at its second try counts as passed, and is named', () => {
  const rows = testRows(vitest(true), { integration: { ...good, unsteady: ['jobs > end: AssertionError'] } }, true)
  expect(summary(rows).split('\n').slice(-5)).toEqual([
    'integration  ok              1.0 s  5 passed, 1 at the second try',
    'coverage     ok',
    '',
    'at the second try: jobs > end: AssertionError',
    '5 passed, 0 failed',
  ])
})
