import { expect, test } from 'vitest'
import { type Due, RepairWatch } from '../../chaos/repairs.ts'

const receiving: Due = { repair: 'a file of an ended request was not abandoned', id: 'id' }

/** The violations after observing an item that waits for so many seconds, once a second. `again`: it was repaired once in the middle. */
function watched({ seconds, sweepsASecond = 1, again = false }: { seconds: number; sweepsASecond?: number; again?: boolean }) {
  const watch = new RepairWatch()
  for (let second = 0; second <= seconds; second += 1) {
    const isBack = again && second === Math.floor(seconds / 2)
    watch.look({ ms: second * 1000, sweeps: second * sweepsASecond }, isBack ? [] : [receiving])
  }
  return [...watch.violations.values()]
}

test('an item that is repaired in time is not a violation', () => {
  expect(watched({ seconds: 6 })).toEqual([])
})

test('an item that waits longer than documented is reported once', () => {
  expect(watched({ seconds: 20 })).toMatchObject([{ invariant: 'I12', uploadId: 'id' }])
})

test('time without completed sweeps does not count', () => {
  expect(watched({ seconds: 20, sweepsASecond: 0.1 })).toEqual([])
})

test('an item that waits again after a repair has the full time again', () => {
  expect(watched({ seconds: 12, again: true })).toEqual([])
})
