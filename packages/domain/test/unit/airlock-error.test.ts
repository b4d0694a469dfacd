import { expect, test } from 'vitest'
import { AirlockError, asRefusal, errors, refusal } from '../../src/index.ts'

test('an error contains the response for the client, and its cause for the log', () => {
  const cause = new Error('boom')
  const error = new AirlockError('file_too_large', { filename: 'logo.png', limitBytes: 1024 }, { cause })
  expect(error).toMatchObject({
    name: 'AirlockError',
    code: 'file_too_large',
    status: 413,
    title: 'File too large',
    detail: "File 'logo.png' is larger than 1 KiB, the maximum for its kind.",
    message: "file_too_large: File 'logo.png' is larger than 1 KiB, the maximum for its kind.",
    cause,
  })
})

test('an error without parameters has its detail', () => {
  expect(new AirlockError('token_expired', {}).detail).toBe(errors.token_expired.detail())
})

test('a refusal that becomes an error keeps its detail', () => {
  const expected = refusal('type_mismatch', { filename: 'a.png', claimed: 'PNG', found: 'JPEG' })
  const error = AirlockError.of(expected)
  expect(error).toBeInstanceOf(AirlockError)
  expect(error.status).toBe(400)
  expect(asRefusal(error)).toEqual(expected)
})

test('a stored refusal keeps its detail, even if the catalogue has changed', () => {
  const old = { code: 'empty_file', error: 'Empty file', detail: "File 'a.png' was empty." } as const
  expect(asRefusal(AirlockError.of(old))).toEqual(old)
})
