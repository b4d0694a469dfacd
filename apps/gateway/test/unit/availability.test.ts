import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Availability } from '../../src/servers/availability.ts'

class Unavailable extends Error {}

/** A server that responds, refuses or hangs, as the test chooses, and the lines that were logged. */
function server({ probePauseMs = 1000 } = {}) {
  const state = { mode: 'answers' as 'answers' | 'refuses' | 'silent', probes: 0 }
  const logged: string[] = []
  const answer = async () => {
    if (state.mode === 'refuses') throw new Unavailable('refused')
    if (state.mode === 'silent') await new Promise(() => {})
    return 'answer'
  }
  const availability = new Availability({
    name: 'server',
    probe: () => {
      state.probes += 1
      return answer()
    },
    meansUnavailable: (error) => error instanceof Unavailable,
    unavailableError: () => new Unavailable('known to be unavailable'),
    log: { warn: (_fields, message) => void logged.push(message), info: (_fields, message) => void logged.push(message) },
    tuning: { slowCallMs: 100, probeTimeoutMs: 50, probePauseMs },
  })
  return { state, logged, availability, call: () => availability.through(answer) }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('while the server responds, calls pass without health checks', async () => {
  const { call, state } = server()
  expect(await call()).toBe('answer')
  await vi.advanceTimersByTimeAsync(5000)
  expect(state.probes).toBe(0)
})

test('a refused call and a failed health check make it unavailable; calls then fail at once', async () => {
  const { call, state, logged } = server()
  state.mode = 'refuses'
  await expect(call()).rejects.toThrow('refused')
  await vi.advanceTimersByTimeAsync(0)
  const { probes } = state

  await expect(call()).rejects.toThrow('known to be unavailable')

  expect(state.probes).toBe(probes)
  expect(logged).toEqual(['server unavailable'])
})

test('health checks continue in the background, and calls pass when the server responds', async () => {
  vi.useRealTimers() // the pauses between health checks use timers that Vitest does not replace
  const { call, state, logged } = server({ probePauseMs: 20 })
  state.mode = 'refuses'
  await expect(call()).rejects.toThrow('refused')
  await vi.waitFor(() => expect(state.probes).toBeGreaterThan(3))
  expect(logged).toEqual(['server unavailable'])

  state.mode = 'answers'
  await vi.waitFor(() => expect(logged).toEqual(['server unavailable', 'server available again']))

  expect(await call()).toBe('answer')
})

test('a call to an unresponsive server fails after its timeout and two failed health checks', async () => {
  const { call, state, availability } = server()
  state.mode = 'silent'
  let given: unknown
  const cut = vi.fn()
  const calling = availability
    .through((givenUp) => {
      givenUp.addEventListener('abort', cut)
      return new Promise(() => {})
    })
    .catch((error: unknown) => {
      given = error
    })
  await vi.advanceTimersByTimeAsync(199)
  expect(given).toBeUndefined()

  await vi.advanceTimersByTimeAsync(1)
  await calling

  expect(given).toBeInstanceOf(Unavailable)
  expect(cut).toHaveBeenCalledOnce()
  await expect(call()).rejects.toThrow('known to be unavailable')
})

test('a slow call to a healthy server is not aborted', async () => {
  const { availability, state, logged } = server()
  const slow = availability.through(() => new Promise((resolve) => setTimeout(() => resolve('at last'), 5000)))
  await vi.advanceTimersByTimeAsync(5000)
  expect(await slow).toBe('at last')
  expect(state.probes).toBeGreaterThan(10)
  expect(logged).toEqual([])
})

test('one refused call is forgotten after a successful health check', async () => {
  const { call, state, logged } = server()
  state.mode = 'refuses'
  const refused = call().catch((error: Error) => error.message)
  state.mode = 'answers'
  expect(await refused).toBe('refused')
  await vi.advanceTimersByTimeAsync(0)
  expect(await call()).toBe('answer')
  expect(logged).toEqual([])
})

test('one refused call does not matter while others succeed', async () => {
  const { availability, call } = server()
  const refused = availability.through(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    throw new Unavailable('too busy for this one')
  })
  const followed = refused.catch(() => call())
  await vi.advanceTimersByTimeAsync(20)
  await call()
  await vi.advanceTimersByTimeAsync(30)
  expect(await followed).toBe('answer')
})

test('a server that responds with an error is available', async () => {
  const { state, logged } = { state: { probes: 0 }, logged: [] as string[] }
  const say = (_fields: object, message: string) => void logged.push(message)
  const availability = new Availability({
    name: 'server',
    probe: () => {
      state.probes += 1
      return Promise.reject(new Error('you may not ask that'))
    },
    meansUnavailable: (error) => error instanceof Unavailable,
    unavailableError: () => new Unavailable('known to be unavailable'),
    log: { warn: say, info: say },
  })
  await expect(availability.through(() => Promise.reject(new Unavailable('refused')))).rejects.toThrow('refused')
  await vi.advanceTimersByTimeAsync(0)
  expect(await availability.through(async () => 'answer')).toBe('answer')
  expect(state.probes).toBe(1)
  expect(logged).toEqual([])
})

test('a wrong call is not an outage', async () => {
  const { availability, call, state } = server()
  await expect(availability.through(() => Promise.reject(new Error('no such column')))).rejects.toThrow('no such column')
  expect(await call()).toBe('answer')
  expect(state.probes).toBe(0)
})

test('closing ends health checks', async () => {
  vi.useRealTimers()
  const { availability, call, state } = server({ probePauseMs: 60_000 })
  state.mode = 'refuses'
  await expect(call()).rejects.toThrow('refused')
  await vi.waitFor(() => expect(state.probes).toBe(1))
  await availability.close()
  await expect(call()).rejects.toThrow('known to be unavailable')
  expect(state.probes).toBe(1)
})

test('a watched call is neither refused nor aborted while the server is unavailable, and its success makes it available', async () => {
  const { availability, call, state, logged } = server({ probePauseMs: 60_000 })
  state.mode = 'silent'
  const watched = availability.watch(() => new Promise((resolve) => setTimeout(() => resolve('arrived'), 5000)))
  await vi.advanceTimersByTimeAsync(4000)
  expect(logged).toEqual(['server unavailable'])
  await expect(call()).rejects.toThrow('known to be unavailable')
  const second = availability.watch(async () => 'not refused')

  expect(await second).toBe('not refused')

  state.mode = 'answers'
  expect(await call()).toBe('answer')
  await vi.advanceTimersByTimeAsync(1000)
  expect(await watched).toBe('arrived')
})

test('failed health checks are ignored while a call makes progress', async () => {
  const { availability, state, logged } = server()
  state.mode = 'silent'
  const slow = availability.watch(async () => {
    for (let part = 0; part < 50; part += 1) {
      await new Promise((resolve) => setTimeout(resolve, 140))
      availability.answered()
    }
    return 'whole'
  })
  await vi.advanceTimersByTimeAsync(7000)
  expect(await slow).toBe('whole')
  expect(state.probes).toBeGreaterThan(10)
  expect(logged).toEqual([])
})

test('health checks that are always late do not make the server unavailable', async () => {
  const { logged } = server()
  const say = (_fields: object, message: string) => void logged.push(message)
  const availability = new Availability({
    name: 'server',
    probe: () => new Promise((resolve) => setTimeout(resolve, 70)), // its timeout is 50
    meansUnavailable: (error) => error instanceof Unavailable,
    unavailableError: () => new Unavailable('known to be unavailable'),
    log: { warn: say, info: say },
    tuning: { slowCallMs: 100, probeTimeoutMs: 50 },
  })
  const slow = availability.through(() => new Promise((resolve) => setTimeout(() => resolve('at last'), 5000)))
  await vi.advanceTimersByTimeAsync(5000)
  expect(await slow).toBe('at last')
  expect(logged).toEqual([])
})
