import { expect, test } from 'vitest'
import { readableLogLine, warningsIn } from '../../../start/log-lines.ts'

const time = Date.UTC(2026, 10, 24, 7, 25, 51)

const logged = (fields: object) => readableLogLine(JSON.stringify({ level: 30, time, pid: 7, hostname: 'here', ...fields }))

test('a record is one line with time, level, message and fields', () => {
  expect(
    logged({ uploadId: '01a20c83-7547-748d-b895-744397a7fc92', sizeBytes: 1024, filename: 'a b.jpg', asset: null, msg: 'upload received' }),
  ).toBe('[07:25:51] INFO: upload received  uploadId=…97a7fc92 sizeBytes=1024 filename="a b.jpg" asset=null')
})

test('an error is shown by its message, and its stack only in the file', () => {
  const line = logged({
    level: 50,
    err: { type: 'Error', message: 'no answer', stack: 'Error: no answer\n    at …' },
    msg: 'promotion failed',
  })

  expect(line).toBe('[07:25:51] ERROR: promotion failed  err="no answer"')
})

test('a time as text and a custom level are supported', () => {
  expect(readableLogLine('{"level":35,"time":"2026-11-24T07:25:51.000Z","msg":"x"}')).toBe('[07:25:51] USERLVL: x')
  expect(readableLogLine('{"level":30,"time":"soon","msg":"x"}')).toBe('[soon] INFO: x')
})

test.each(['plain words', '{"half":', '{"no":"record"}', '[1]'])('%s is not a record and is unchanged', (line) => {
  expect(readableLogLine(line)).toBe(line)
})

test("a file name can't steer the terminal", () => {
  const nasty = 'a\u001b[2J\u009b31m\u202egpj.exe'

  expect(logged({ filename: nasty, msg: nasty })).not.toMatch(/[\p{Cc}\u202e]/u)
  expect(readableLogLine(nasty)).toBe('a\\u001b[2J\\u009b31m\\u202egpj.exe')
})

test('an endless line is cut', () => {
  expect(logged({ msg: 'x'.repeat(10_000) }).length).toBeLessThan(500)
})

const record = (level: number, fields: object) => JSON.stringify({ level, time: 0, ...fields })

test('warnings and errors are selected with their reason, and other lines are not', () => {
  const warningIn = warningsIn()
  const err = { type: 'Error', message: 'no space left on device', stack: 'Error: …' }

  expect(warningIn('worker', record(40, { err, msg: 'attempt failed' }))).toBe('worker warning: attempt failed (no space left on device)')
  expect(warningIn('gateway', record(50, { msg: 'request failed' }))).toBe('gateway error: request failed')
  expect(warningIn('worker', record(30, { msg: '"level":50' }))).toBeNull()
  expect(warningIn('worker', '"level":50 cut')).toBeNull()
})

test('the same warning of a service is shown once a minute', () => {
  let now = 0
  const warningIn = warningsIn(() => now)
  const line = record(40, { msg: 'redis unreachable' })

  expect([warningIn('worker', line), warningIn('worker', line), warningIn('gateway', line)]).toEqual([
    'worker warning: redis unreachable',
    null,
    'gateway warning: redis unreachable',
  ])
  now = 60_000
  expect(warningIn('worker', line)).toBe('worker warning: redis unreachable')
})

test('a warning does not control the terminal', () => {
  expect(warningsIn()('gateway', record(40, { msg: 'a\u001b[2Jb' }))).toBe('gateway warning: a\\u001b[2Jb')
})
