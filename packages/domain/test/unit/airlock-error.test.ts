import { expect, test } from 'vitest'
import { AirlockError, asRefusal, errors, refusal } from '../../src/index.ts'

test('an error carries what the client is told, and its cause for the log', () => {
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

test('an error that needs to be told nothing says its sentence', () => {
  expect(new AirlockError('token_expired', {}).detail).toBe(errors.token_expired.detail())
})

test('a refusal that becomes an error says the very same to the client', () => {
  const said = refusal('type_mismatch', { filename: 'a.png', claimed: 'PNG', found: 'JPEG' })
  const error = AirlockError.of(said)
  expect(error).toBeInstanceOf(AirlockError)
  expect(error.status).toBe(400)
  expect(asRefusal(error)).toEqual(said)
})

test('a refusal from a row keeps its own sentence, also when the catalogue would say it otherwise today', () => {
  const old = { code: 'empty_file', error: 'Empty file', detail: "File 'a.png' was empty." } as const
  expect(asRefusal(AirlockError.of(old))).toEqual(old)
})
