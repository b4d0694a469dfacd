import { expect, test } from 'vitest'
import { errorCodes, errors, exampleOf } from '../../src/index.ts'

test.for(errorCodes)('the example of %s has values for all parameters', (code, { expect }) => {
  const { error, detail } = exampleOf(code)
  expect(error).toBe(errors[code].title)
  expect(detail).not.toMatch(/undefined|null|NaN|\[object/)
})

test('an example has the limit of its own error', () => {
  expect(exampleOf('filename_too_long').detail).toBe("File name 'logo.png' has more than 255 characters, the maximum.")
  expect(exampleOf('file_limit_reached').detail).toBe("File 'logo.png' exceeds the limit of 100 files per user and hour.")
})
