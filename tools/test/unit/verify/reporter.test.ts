import { expect, test } from 'vitest'
import type { TestCase, TestModule } from 'vitest/node'
import { projectRows } from '../../../verify/reporter.ts'

const tried = (state: string, fullName = state, retryCount = 0) =>
  ({
    fullName,
    result: () => ({ state, errors: retryCount > 0 ? [{ message: 'expected 1 to be 2\nat jobs.test.ts:3' }] : [] }),
    diagnostic: () => ({ retryCount }),
  }) as unknown as TestCase

const file = (project: string, state: string, tests: TestCase[]) =>
  ({ project: { name: project }, state: () => state, children: { allTests: () => tests } }) as unknown as TestModule

test('tests are counted by project, and those that did not run neither passed nor failed', () => {
  const files = [
    file('unit', 'passed', [tried('passed'), tried('passed'), tried('skipped')]),
    file('unit', 'failed', [tried('passed'), tried('failed')]),
    file('integration', 'passed', [tried('passed'), tried('skipped'), tried('pending')]),
  ]
  expect(projectRows(files)).toEqual([
    { name: 'unit', remark: '3 passed, 1 failed, 1 skipped', passed: 3, failed: 1, retried: [] },
    { name: 'integration', remark: '1 passed, 2 skipped', passed: 1, failed: 0, retried: [] },
  ])
})

test('a file that fails before its first test counts as one failure', () => {
  expect(projectRows([file('unit', 'failed', [])])).toMatchObject([{ passed: 0, failed: 1 }])
})

test('a test that passed at a second attempt is named with its first error', () => {
  const [row] = projectRows([file('integration', 'passed', [tried('passed', 'jobs > end', 1)])])
  expect(row).toMatchObject({ passed: 1, failed: 0, retried: ['jobs > end: expected 1 to be 2'] })
  expect(row?.remark).toBe('1 passed, 1 at a second attempt')
})

test('a project that did not run is not counted', () => {
  expect(projectRows([])).toEqual([])
})
