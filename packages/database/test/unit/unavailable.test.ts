import { QueryFailedError } from 'typeorm'
import { describe, expect, test } from 'vitest'
import { asThrown, codeOf, DatabaseUnavailable, meansUnavailable } from '../../src/unavailable.ts'

const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code })
const asQueryFails = (error: Error) => new QueryFailedError('select 1', [], error)

describe('Postgres is unavailable', () => {
  const codes = ['08006', '08P01', '53300', '57P01', '57P02', '57P03', '57014', '55P03', '25006', 'ECONNREFUSED', 'EAI_AGAIN', 'ETIMEDOUT']
  test.each(codes)("if the driver's code is %s, even inside of an error of TypeORM", (code) => {
    expect(meansUnavailable(coded(code))).toBe(true)
    expect(asThrown(asQueryFails(coded(code)))).toBeInstanceOf(DatabaseUnavailable)
  })

  const messages = [
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Query runner already released. Cannot run queries anymore.',
  ]
  test.each(messages)("if the driver's message is: %s", (message) => {
    expect(asThrown(new Error(message))).toBeInstanceOf(DatabaseUnavailable)
    expect(asThrown(asQueryFails(new Error(message)))).toBeInstanceOf(DatabaseUnavailable)
  })

  test('and the reason is kept, even if the error has no message', () => {
    const both = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
    expect(asThrown(both)).toMatchObject({ message: 'Postgres is unavailable: ECONNREFUSED', cause: both })
  })

  test('and an error that already states it is unchanged', () => {
    const error = new DatabaseUnavailable('The database was closed.')
    expect(asThrown(error)).toBe(error)
  })
})

describe('other errors are rethrown unchanged', () => {
  const others = [
    coded('23505'),
    coded('42P01'),
    coded('28P01'),
    coded('3D000'),
    coded('40P01'),
    new Error('out of cheese'),
    'not an error',
  ]
  test.each(others)('%s', (error) => {
    expect(asThrown(error)).toBe(error)
  })

  test('a violated constraint whose name contains timeout is not a timeout', () => {
    expect(meansUnavailable(coded('23514', 'Query read timeout'))).toBe(false)
  })
})

test("the code of an error is found in TypeORM's driverError", () => {
  expect(codeOf({ code: '23505' })).toBeNull()
  expect(codeOf(Object.assign(new Error('x'), { driverError: coded('23505') }))).toBe('23505')
})
