import { expect, test } from 'vitest'
import { FairPermits } from '../../src/upload/fair-permits.ts'

interface Upload {
  userId: string
  name: string
}

const upload = (userId: string, name = ''): Upload => ({ userId, name })

/** Enqueues uploads. @returns those that got a permit at once */
function taking(permits: FairPermits<Upload>, ...uploads: Upload[]): Upload[] {
  for (const one of uploads) permits.wait(one)
  const taken: Upload[] = []
  for (let next = permits.next(); next !== null; next = permits.next()) taken.push(next)
  return taken
}

const many = (userId: string, count: number): Upload[] => Array.from({ length: count }, (_, i) => upload(userId, `${userId}${i}`))

test('a single user gets most permits, and another one gets one at once', () => {
  const permits = new FairPermits<Upload>(64)
  expect(taking(permits, ...many('greedy', 100))).toHaveLength(60)
  expect(taking(permits, upload('other'))).toHaveLength(1)
})

test('a released permit goes to users below their share in rotation, however long the queue of another is', () => {
  const permits = new FairPermits<Upload>(8)
  const greedy = many('greedy', 50)
  const [first, second] = taking(permits, ...greedy) as [Upload, Upload]
  taking(permits, ...many('a', 3), ...many('b', 3))

  const turns = []
  for (const back of [first, second, ...greedy.slice(2, 6)]) {
    permits.leave(back)
    turns.push(permits.next()?.name)
  }

  expect(turns.slice(0, 4)).toEqual(['a0', 'b0', 'a1', 'b1'])
})

test('users at their share also get free permits in rotation', () => {
  const permits = new FairPermits<Upload>(2)
  const held = taking(permits, upload('a'), upload('b'))
  taking(permits, ...many('a', 2), ...many('b', 2))
  const turns = held.map((back) => {
    permits.leave(back)
    return permits.next()?.name
  })
  expect(turns).toEqual(['a0', 'b0'])
})

test('only uploads of users above their share are ended, and never so many that they fall below it', () => {
  const permits = new FairPermits<Upload>(8)
  const greedy = many('greedy', 6)
  taking(permits, ...greedy, ...many('modest', 2))
  taking(permits, ...many('new', 5))
  expect(permits.share).toBeCloseTo(8 / 3)
  expect(permits.owed().map(({ name }) => name)).toEqual(['new0', 'new1'])

  for (let ended = 0; permits.endable().length > 0; ended += 1) {
    expect(permits.endable().every(({ userId }) => userId === 'greedy')).toBe(true)
    permits.isEnding(permits.endable()[0] as Upload)
    expect(ended).toBeLessThan(4)
  }
  expect(permits.endings).toBe(4)
})

test('with more users than permits, nobody loses their only permit', () => {
  const permits = new FairPermits<Upload>(2)
  taking(permits, upload('a'), upload('b'), upload('c'), upload('d'))
  expect(permits.owed()).toHaveLength(2)
  expect(permits.endable()).toEqual([])
})

test('leaving the queue, or releasing twice, does not affect others', () => {
  const permits = new FairPermits<Upload>(1)
  const [held] = taking(permits, upload('a')) as [Upload]
  const impatient = upload('b')
  taking(permits, impatient, upload('c', 'c0'))
  permits.leave(impatient)
  permits.leave(impatient)
  permits.leave(held)
  permits.leave(held)
  expect(permits.next()?.name).toBe('c0')
  expect(permits.next()).toBeNull()
})

/** Pseudo-random numbers, the same for the same seed (a linear congruential generator). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
}

test('permits never exceed their number, and a user below their share can always get one', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const below = numbersFrom(seed)
    const count = 1 + below(40)
    const permits = new FairPermits<Upload>(count)
    const out = new Set<Upload>()
    for (let step = 0; step < 120; step += 1) {
      const user = 'abcdefgh'.charAt(below(1 + below(8)))
      const one = [...out].find(({ userId }) => userId === user)
      if (one === undefined || below(3) > 0) permits.wait(upload(user))
      else {
        permits.leave(one)
        out.delete(one)
      }
      for (let next = permits.next(); next !== null; next = permits.next()) out.add(next)
      const users = new Set([...out, ...permits.waiting()].map(({ userId }) => userId))
      expect(out.size).toBeLessThanOrEqual(count)
      if (permits.owed().length > 0 && users.size <= count) expect(permits.endable().length, `seed ${seed}`).toBeGreaterThan(0)
    }
  }
})
