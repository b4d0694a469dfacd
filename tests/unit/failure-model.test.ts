import { expect, test } from 'vitest'
import { testsById } from '../test-ids.ts'
import { root, rowsOfFailureModel } from './failure-model-page.ts'

const rows = rowsOfFailureModel()
const tests = testsById(root)

test('the failure model has a complete row for each step', () => {
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.filter(({ cells }) => cells.length !== 5 || cells.includes(''))).toEqual([])
})

test.for(rows)('$cells.0: $cells.1: the test $testId exists', ({ testId }) => {
  expect(tests.get(testId), testId).toBeDefined()
})
