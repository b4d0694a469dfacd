import type { Claim } from '@airlock/database'
import { bytesInMemory } from '@airlock/domain'
import type { Inspect } from '@airlock/lifecycle'
import { expect, test } from 'vitest'
import { sharedInspect } from '../../src/user-concurrency.ts'

const source = bytesInMemory(new Uint8Array(1))
const never = new AbortController().signal
const of = (userId: string): Claim => ({ userId }) as Claim
const passed = { ok: true, mediaType: 'image/png', facts: {} } as unknown as Awaited<ReturnType<Inspect>>

/** Inspections that last until the test ends them. */
function heldInspections() {
  const begun: string[] = []
  const ends: (() => void)[] = []
  const inspect: Inspect = (_source, { userId }) => {
    begun.push(userId)
    const { promise, resolve } = Promise.withResolvers<typeof passed>()
    ends.push(() => resolve(passed))
    return promise
  }
  return { begun, inspect, end: () => ends.shift()?.() }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('the concurrent inspections of a user are limited, and do not delay another user', async () => {
  const { begun, inspect, end } = heldInspections()
  const shared = sharedInspect(inspect, 2)
  const all = ['a', 'a', 'a', 'b'].map((user) => shared(source, of(user), never))
  await settled()
  expect(begun).toEqual(['a', 'a', 'b'])

  end()
  await settled()
  expect(begun).toEqual(['a', 'a', 'b', 'a'])
  for (let i = 0; i < 3; i++) end()
  expect(await Promise.all(all)).toHaveLength(4)
})

test('an inspection that is aborted while it waits does not delay the next one', async () => {
  const { begun, inspect, end } = heldInspections()
  const shared = sharedInspect(inspect, 1)
  const stop = new AbortController()
  const first = shared(source, of('a'), never)
  const second = shared(source, of('a'), stop.signal)
  const third = shared(source, of('a'), never)
  stop.abort(new Error('the worker stops'))
  await expect(second).rejects.toThrow('the worker stops')
  end()
  await settled()
  expect(begun).toHaveLength(2)
  end()
  await Promise.all([first, third])
})
