import { afterEach, expect, test, vi } from 'vitest'
import { TelemetryProblems } from '../../src/problems.ts'

afterEach(() => void vi.useRealTimers())

test('problems are logged at most once a minute, with the number of others', () => {
  vi.useFakeTimers()
  const warn = vi.fn()
  const problems = new TelemetryProblems()
  problems.report(new Error('before there is a log'))
  problems.reportTo({ warn })
  for (let i = 0; i < 500; i += 1) problems.report('x'.repeat(10_000))
  expect(warn).toHaveBeenCalledExactlyOnceWith({ err: expect.any(Error), unreported: 0 }, 'traces not exported')
  vi.advanceTimersByTime(60_000)
  problems.report('x'.repeat(10_000))
  expect(warn).toHaveBeenLastCalledWith({ problem: 'x'.repeat(500), unreported: 500 }, 'traces not exported')
  expect(warn).toHaveBeenCalledTimes(2)
})
