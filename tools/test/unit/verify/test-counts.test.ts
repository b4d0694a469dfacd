import { expect, test } from 'vitest'
import { countTests } from '../../../verify/test-counts.ts'

const file = (name: string, status: string, tests: string[], startTime = 0, endTime = 1) => ({
  name: `/clone/packages/${name}`,
  status,
  startTime,
  endTime,
  assertionResults: tests.map((one) => ({ status: one, fullName: one, failureMessages: [] })),
})

test('tests are counted by project, and those that did not run neither passed nor failed', () => {
  const testResults = [
    file('domain/test/unit/a.test.ts', 'passed', ['passed', 'passed', 'skipped'], 1_000, 3_000),
    file('storage/test/unit/deep/b.test.ts', 'failed', ['passed', 'failed'], 2_000, 4_000),
    file('storage/test/integration/c.test.ts', 'passed', ['passed', 'todo', 'pending'], 5_000, 6_000),
  ]
  expect(countTests({ testResults }, '/clone')).toEqual({
    unit: { passed: 3, failed: 1, skipped: 1, unsteady: [], ms: 3_000 },
    integration: { passed: 1, failed: 0, skipped: 2, unsteady: [], ms: 1_000 },
  })
})

test('a file that fails before its first test counts as one failure', () => {
  const testResults = [file('domain/test/unit/a.test.ts', 'failed', [])]
  expect(countTests({ testResults }, '/clone').unit).toMatchObject({ passed: 0, failed: 1 })
})

test('a test that passed at its second try is named with its first error', () => {
  const tried = { status: 'passed', fullName: 'jobs > end', failureMessages: ['AssertionError: expected 1 to be 2\n    at jobs.test.ts:3'] }
  const testResults = [{ ...file('queue/test/integration/jobs.test.ts', 'passed', ['passed']), assertionResults: [tried] }]
  expect(countTests({ testResults }, '/clone').integration).toMatchObject({
    passed: 1,
    failed: 0,
    unsteady: ['jobs > end: AssertionError: expected 1 to be 2'],
  })
})

test('a project that did not run is not counted', () => {
  expect(countTests({ testResults: [] }, '/clone')).toEqual({})
})
