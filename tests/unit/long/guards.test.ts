import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { patternOfTitle, withoutGuard } from '../../long/guards/guard.ts'
import { guards } from '../../long/guards/guards.ts'
import { testsById } from '../../test-ids.ts'
import { root } from '../failure-model-page.ts'

const tests = testsById(root)

test.for(guards)('guard $id matches its source, and its test exists', (guard) => {
  const text = readFileSync(root + guard.file, 'utf8')
  expect(withoutGuard(guard, text)).not.toBe(text)
  expect(tests.get(guard.test), guard.test).toBeDefined()
})

test('no two guards have the same edits', () => {
  expect(new Set(guards.map(({ file, edits }) => JSON.stringify([file, edits]))).size).toBe(guards.length)
})

test('code is found regardless of line breaks, and only if it occurs once', () => {
  const guard = { id: 'a', file: 'a.ts', edits: [['f(a, b)', 'g()']] } as const
  expect(withoutGuard(guard, 'x = f(\n  a,\n  b,\n)')).toBe('x = g()')
  expect(() => withoutGuard(guard, 'h(a, b)')).toThrow("guard a: 'f(a, b)' occurs 0 times in a.ts, not once")
  expect(() => withoutGuard(guard, 'f(a, b) + f(a,b)')).toThrow("guard a: 'f(a, b)' occurs 2 times in a.ts, not once")
})

test('a title matches the names of all tests that it stands for', () => {
  expect(patternOfTitle('a $what (%s) dies $when.here?').test('a worker (1.5) dies now?')).toBe(true)
  expect(patternOfTitle('a.b').test('axb')).toBe(false)
})
