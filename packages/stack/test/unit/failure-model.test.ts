import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hasTest, root, rowsOfFailureModel } from './failure-model-page.ts'

const rows = rowsOfFailureModel()

test('the failure model has a row for each step, and each row says what happens, what is left, who mends it and which test shows it', () => {
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.filter(({ cells }) => cells.length !== 5 || cells.includes(''))).toEqual([])
})

test.for(rows)('$cells.0: $cells.1: its test is there', ({ test: { file, title } }) => {
  expect(hasTest(readFileSync(root + file, 'utf8'), title)).toBe(true)
})
