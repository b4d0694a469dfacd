import { expect, test } from 'vitest'
import { errorCodes, errors, exampleOf } from '../../src/index.ts'

test.for(errorCodes)('there is an example of %s in which nothing is left open', (code, { expect }) => {
  const { error, detail } = exampleOf(code)
  expect(error).toBe(errors[code].title)
  expect(detail).not.toMatch(/undefined|null|NaN|\[object/)
})

test('an example tells the limit of its own error, not just any', () => {
  expect(exampleOf('filename_too_long').detail).toBe("File name 'logo.png' has more than 255 characters, the maximum.")
  expect(exampleOf('file_limit_reached').detail).toBe("File 'logo.png' exceeds the limit of 100 files per user and hour.")
})
