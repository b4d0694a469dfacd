import { KeyedMutex } from '@airlock/async'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Sessions } from '../../src/sessions.ts'
import { intake, type NewUpload } from '../../src/uploads/intake.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('registrations of one user use one connection, and wait at most ten seconds for it', async () => {
  const run = vi.fn(() => new Promise(() => {}))
  const { register } = intake({ run } as unknown as Sessions, new KeyedMutex())
  const file = (userId: string) => ({ userId, filename: 'a.png', declaredType: 'image/png', requestId: null }) as NewUpload
  void register(file('anna'), { filesPerHour: 10 })
  const waiting = register(file('anna'), { filesPerHour: 10 }).catch((error: unknown) => error)
  void register(file('otto'), { filesPerHour: 10 })
  expect(run).toHaveBeenCalledTimes(2)

  await vi.advanceTimersByTimeAsync(10_000)
  expect(await waiting).toMatchObject({ code: 'overloaded' })
  expect(run).toHaveBeenCalledTimes(2)
})
