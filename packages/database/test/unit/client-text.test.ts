import { expect, test } from 'vitest'
import { storableText } from '../../src/uploads/record.ts'

test('text that the database accepts is unchanged', () => {
  expect(storableText('Über uns 😀.png', 255)).toBe('Über uns 😀.png')
})

test('NUL and unpaired surrogates are replaced', () => {
  expect(storableText('a\0b\ud83d', 255)).toBe('a\u{fffd}b\u{fffd}')
})

test('long text is shortened between characters, as Postgres counts them', () => {
  expect(storableText('😀'.repeat(4), 3)).toBe('😀😀😀')
  expect(storableText('😀'.repeat(3), 3)).toBe('😀😀😀')
})
