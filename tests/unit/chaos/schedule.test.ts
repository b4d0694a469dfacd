import { expect, test } from 'vitest'
import { type Fault, kinds, processNames, scheduleOf } from '../../chaos/schedule.ts'

const seeds = Array.from({ length: 40 }, (_, index) => index + 1)

/** The targets of a fault. */
const targetsOf = (fault: Fault): string[] => {
  if (fault.on !== 'link') return [fault.on === 'process' ? fault.process : fault.server]
  return (fault.from === 'all' ? processNames : [fault.from]).map((name) => `${name}→${fault.server}`)
}

test('the same seed and length result in the same faults, another seed in others', () => {
  expect(scheduleOf(7, 60)).toEqual(scheduleOf(7, 60))
  expect(scheduleOf(8, 60)).not.toEqual(scheduleOf(7, 60))
})

test('a longer run begins like a shorter one', () => {
  const short = scheduleOf(7, 30)
  expect(scheduleOf(7, 60).slice(0, short.length)).toEqual(short)
})

test('every kind of fault happens, and nothing happens after the end', () => {
  const faults = seeds.flatMap((seed) => scheduleOf(seed, 30))
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(Object.values(kinds).flatMap((ofTarget) => Object.keys(ofTarget))))
  expect(faults.every(({ atMs }) => atMs < 30_000)).toBe(true)
})

test.for(seeds.slice(0, 10))('no target has two faults at once (seed %i)', (seed) => {
  const until = new Map<string, number>()
  for (const fault of scheduleOf(seed, 300)) {
    for (const target of targetsOf(fault)) {
      expect(until.get(target) ?? 0).toBeLessThanOrEqual(fault.atMs)
      until.set(target, fault.atMs + fault.lastsMs)
    }
  }
})
