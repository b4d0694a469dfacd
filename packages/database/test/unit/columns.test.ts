import { expect, test } from 'vitest'
import { Asset } from '../../src/entities/asset.ts'
import { exactNumber, rowReader } from '../../src/entities/columns.ts'
import { storableText } from '../../src/uploads/record.ts'

test('a bigint becomes the same number', () => {
  expect(exactNumber('5368709120')).toBe(5_368_709_120)
  expect(exactNumber(0)).toBe(0)
  expect(exactNumber(null)).toBeNull()
})

test.each(['9007199254740993', 'NaN'])('%s is an error, not another number', (value) => {
  expect(() => exactNumber(value)).toThrow(RangeError)
})

test('a row of a statement is mapped as by the repository', () => {
  const row = { id: 'a', user_id: 'b', s3_key: 'c', file_size: '12', metadata: { facts: {} }, unknown: 'left out' }
  expect(rowReader(Asset)(row)).toMatchObject({ id: 'a', userId: 'b', s3Key: 'c', sizeBytes: 12, metadata: { facts: {} } })
  expect(rowReader(Asset)(row)).not.toHaveProperty('unknown')
})

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

test('a column that an older schema does not have reads as null', () => {
  expect(rowReader(Asset)({ id: 'a' })).toMatchObject({ id: 'a', sizeBytes: null, metadata: null })
})
