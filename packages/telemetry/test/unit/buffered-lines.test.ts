import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BufferedLines } from '../../src/index.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function logged(options?: ConstructorParameters<typeof BufferedLines>[1]) {
  const writes: string[][] = []
  const write = (lines: string) =>
    void writes.push(
      lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).msg),
    )
  return { writes, log: pino({ level: 'info' }, new BufferedLines({ write }, options)) }
}

test('lines of 50 ms are written together, in their order', () => {
  const { writes, log } = logged()
  log.info('one')
  log.child({ requestId: 'r' }).info('two')
  expect(writes).toEqual([])
  vi.advanceTimersByTime(50)
  expect(writes).toEqual([['one', 'two']])
  vi.advanceTimersByTime(50)
  log.info('three')
  vi.advanceTimersByTime(50)
  expect(writes).toEqual([['one', 'two'], ['three']])
})

test.for(['warn', 'error', 'fatal'] as const)('a line of level %s does not wait, and is written after those before it', (level) => {
  const { writes, log } = logged()
  log.info('before')
  log[level]('urgent')
  expect(writes).toEqual([['before', 'urgent']])
  log.info('after')
  expect(writes).toHaveLength(1)
})

test('many lines do not wait', () => {
  const { writes, log } = logged({ maxLength: 500 })
  for (let n = 0; n < 20; n++) log.info('a line of about a hundred characters')
  expect(writes.length).toBeGreaterThan(1)
})

const program = fileURLToPath(new URL('../log-and-end.ts', import.meta.url))

test.for([
  ['exit', 3],
  ['throw', 1],
  ['end', 0],
] as const)('a process that ends by %s has written all lines', ([end, code]) => {
  const { status, stdout } = spawnSync(process.execPath, [program, end], { encoding: 'utf8' })
  expect(status).toBe(code)
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg),
  ).toEqual(['first', 'last'])
})
