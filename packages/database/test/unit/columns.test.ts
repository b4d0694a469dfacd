import { expect, test } from 'vitest'
import { Asset } from '../../src/entities/asset.ts'
import { exactNumber, rowReader } from '../../src/entities/columns.ts'

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
