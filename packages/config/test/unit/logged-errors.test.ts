import { errorLine, errorsInLogs, errorText, loggedError } from '@airlock/config'
import { expect, test } from 'vitest'

const password = 'hunter2-hunter2-hunter2'

/** An error as ioredis creates it if Redis refuses a password. */
const refusedByRedis = () =>
  Object.assign(new Error('WRONGPASS invalid username-password pair or user is disabled.'), {
    command: { name: 'auth', args: ['airlock', password] },
    previousErrors: [new Error(password)],
  })

/** An error of an idle connection, as pg-pool emits it. */
const ofAnIdleClient = () =>
  Object.assign(new Error('terminating connection'), { code: '57P01', client: { connectionParameters: { password } } })

/** An error as Node creates it for an invalid URL. */
const ofAUrl = () => Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: `redis://:${password}@` })

/** The response of a Redis before version 6. */
const ofAnOldRedis = () => new Error(`ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'airlock' '${password}'`)

const errors = [
  ['with a command', refusedByRedis],
  ['with a client', ofAnIdleClient],
  ['with a URL', ofAUrl],
  ['with arguments in its message', ofAnOldRedis],
  ['caused by one with a command', () => new Error('queue unreachable', { cause: refusedByRedis() })],
  ['of several with commands', () => new AggregateError([refusedByRedis(), ofAnOldRedis()], 'all failed')],
] as const

test.for(errors)('the logged error %s contains what failed, but no given values', ([, make]) => {
  const error = make()
  const written = [JSON.stringify(loggedError(error)), errorText(error), errorLine(error)]

  for (const text of written) {
    expect(text).toContain(error.message.split(',')[0])
    expect(text).not.toContain('hunter2')
  }
})

test('details for the diagnosis are kept', () => {
  const error = Object.assign(new RangeError('too long', { cause: new Error('a byte too much') }), {
    code: '22001',
    table: 'uploads',
    column: 'filename',
  })

  expect(loggedError(error)).toMatchObject({
    type: 'RangeError',
    message: 'too long: a byte too much',
    stack: expect.stringMatching(/^RangeError: too long\n.*logged-errors\.test\.ts[\s\S]*\ncaused by: Error: a byte too much\n/),
    code: '22001',
    table: 'uploads',
    column: 'filename',
  })
})

test('errors in a log line are reduced under any name, and other values stay unchanged', () => {
  const { log } = errorsInLogs.formatters
  const fields = { uploadId: '7', err: refusedByRedis(), reason: refusedByRedis(), sizeBytes: 7 }

  expect(JSON.stringify(log(fields))).not.toContain('hunter2')
  expect(log(fields)).toMatchObject({ uploadId: '7', sizeBytes: 7, reason: { type: 'Error' } })
  expect(log({ uploadId: '7' })).toEqual({ uploadId: '7' })
})

test('cyclic causes of errors are cut', () => {
  const circle = new Error('round')
  circle.cause = circle
  const nest = new AggregateError([], 'nest')
  nest.errors.push(nest)

  expect(loggedError(circle)).toMatchObject({ message: 'round' })
  expect(loggedError(nest)).toMatchObject({ message: 'nest' })
})

test.for([undefined, null, 'text', 7, { message: 'not an error' }])('%s is not an error and stays unchanged', (value) => {
  expect(loggedError(value)).toBe(value)
})
