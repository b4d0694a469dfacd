import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Availability } from '../../src/servers/availability.ts'

class Away extends Error {}

/** A server that answers, refuses or is silent, as told; and what was logged of it. */
function server({ probePauseMs = 1000 } = {}) {
  const state = { mode: 'answers' as 'answers' | 'refuses' | 'silent', probes: 0 }
  const said: string[] = []
  const answer = async () => {
    if (state.mode === 'refuses') throw new Away('refused')
    if (state.mode === 'silent') await new Promise(() => {})
    return 'answer'
  }
  const availability = new Availability({
    name: 'server',
    probe: () => {
      state.probes += 1
      return answer()
    },
    meansUnavailable: (error) => error instanceof Away,
    unavailableError: () => new Away('known to be away'),
    log: { warn: (_fields, message) => void said.push(message), info: (_fields, message) => void said.push(message) },
    tuning: { slowCallMs: 100, probeTimeoutMs: 50, probePauseMs },
  })
  return { state, said, availability, call: () => availability.through(answer) }
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
  const { call, state, said } = server()
  state.mode = 'refuses'
  await expect(call()).rejects.toThrow('refused')
  await vi.advanceTimersByTimeAsync(0)
  const { probes } = state

  await expect(call()).rejects.toThrow('known to be away')

  expect(state.probes).toBe(probes)
  expect(said).toEqual(['server unavailable'])
})

test('health checks continue in the background, and calls pass when the server responds', async () => {
  vi.useRealTimers() // the pauses between are not Vitest's to fake
  const { call, state, said } = server({ probePauseMs: 20 })
  state.mode = 'refuses'
  await expect(call()).rejects.toThrow('refused')
  await vi.waitFor(() => expect(state.probes).toBeGreaterThan(3))
  expect(said).toEqual(['server unavailable'])

  state.mode = 'answers'
  await vi.waitFor(() => expect(said).toEqual(['server unavailable', 'server available again']))

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

  expect(given).toBeInstanceOf(Away)
  expect(cut).toHaveBeenCalledOnce()
  await expect(call()).rejects.toThrow('known to be away')
})

test('a slow call to a healthy server is not aborted', async () => {
  const { availability, state, said } = server()
  const slow = availability.through(() => new Promise((resolve) => setTimeout(() => resolve('at last'), 5000)))
  await vi.advanceTimersByTimeAsync(5000)
  expect(await slow).toBe('at last')
  expect(state.probes).toBeGreaterThan(10)
  expect(said).toEqual([])
})

test('one refused call is forgotten after a successful health check', async () => {
  const { call, state, said } = server()
  state.mode = 'refuses'
  const refused = call().catch((error: Error) => error.message)
  state.mode = 'answers'
  expect(await refused).toBe('refused')
  await vi.advanceTimersByTimeAsync(0)
  expect(await call()).toBe('answer')
  expect(said).toEqual([])
})

test('one refused call does not matter while others succeed', async () => {
  const { availability, call } = server()
  const refused = availability.through(async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    throw new Away('too busy for this one')
  })
  const followed = refused.catch(() => call())
  await vi.advanceTimersByTimeAsync(20)
  await call()
  await vi.advanceTimersByTimeAsync(30)
  expect(await followed).toBe('answer')
})

test('a server that responds with an error is available', async () => {
  const { state, said } = { state: { probes: 0 }, said: [] as string[] }
  const say = (_fields: object, message: string) => void said.push(message)
  const availability = new Availability({
    name: 'server',
    probe: () => {
      state.probes += 1
      return Promise.reject(new Error('you may not ask that'))
    },
    meansUnavailable: (error) => error instanceof Away,
    unavailableError: () => new Away('known to be away'),
    log: { warn: say, info: say },
  })
  await expect(availability.through(() => Promise.reject(new Away('refused')))).rejects.toThrow('refused')
  await vi.advanceTimersByTimeAsync(0)
  expect(await availability.through(async () => 'answer')).toBe('answer')
  expect(state.probes).toBe(1)
  expect(said).toEqual([])
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
  await expect(call()).rejects.toThrow('known to be away')
  expect(state.probes).toBe(1)
})

test('a watched call is neither refused nor aborted while the server is unavailable, and its success makes it available', async () => {
  const { availability, call, state, said } = server({ probePauseMs: 60_000 })
  state.mode = 'silent'
  const watched = availability.watch(() => new Promise((resolve) => setTimeout(() => resolve('arrived'), 5000)))
  await vi.advanceTimersByTimeAsync(4000)
  expect(said).toEqual(['server unavailable'])
  await expect(call()).rejects.toThrow('known to be away')
  const second = availability.watch(async () => 'not refused')

  expect(await second).toBe('not refused')

  state.mode = 'answers'
  expect(await call()).toBe('answer')
  await vi.advanceTimersByTimeAsync(1000)
  expect(await watched).toBe('arrived')
})

test('failed health checks are ignored while a call makes progress', async () => {
  const { availability, state, said } = server()
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
  expect(said).toEqual([])
})

test('health checks that are always late do not make the server unavailable', async () => {
  const { said } = server()
  const say = (_fields: object, message: string) => void said.push(message)
  const availability = new Availability({
    name: 'server',
    probe: () => new Promise((resolve) => setTimeout(resolve, 70)), // 50 are what it may take
    meansUnavailable: (error) => error instanceof Away,
    unavailableError: () => new Away('known to be away'),
    log: { warn: say, info: say },
    tuning: { slowCallMs: 100, probeTimeoutMs: 50 },
  })
  const slow = availability.through(() => new Promise((resolve) => setTimeout(() => resolve('at last'), 5000)))
  await vi.advanceTimersByTimeAsync(5000)
  expect(await slow).toBe('at last')
  expect(said).toEqual([])
})
