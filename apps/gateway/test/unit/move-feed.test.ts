import type { UploadRecord } from '@airlock/database'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MoveFeed, type MoveFeedDeps } from '../../src/following/move-feed.ts'

/** A feed whose uploads and connection the test controls. */
function feedOf(pollEveryMs: MoveFeedDeps['pollEveryMs']) {
  const versions = new Map<string, number>()
  const asked: (readonly string[])[] = []
  let unavailable = false
  let handlers: Parameters<MoveFeedDeps['listen']>[0] | undefined
  const byIds = async (ids: readonly string[]): Promise<UploadRecord[]> => {
    asked.push(ids)
    if (unavailable) throw new Error('Postgres is unavailable')
    return ids.map((id) => ({ id, version: versions.get(id) ?? 1, state: 'received' }) as UploadRecord)
  }
  const feed = new MoveFeed({
    uploads: { byIds },
    listen: (given) => {
      handlers = given
      return { close: async () => {} }
    },
    pollEveryMs,
  })
  return {
    feed,
    asked,
    moves: (id: string) => void versions.set(id, (versions.get(id) ?? 1) + 1),
    becomesUnavailable: () => {
      unavailable = true
    },
    connection: () => handlers,
  }
}

/** Counts how often a follower is woken. */
function follower(feed: MoveFeed, id: string) {
  const woken = { times: 0, leaves: () => {} }
  woken.leaves = feed.follow(id, () => {
    woken.times += 1
  })
  return woken
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test('a move without a notification is found by one query for all streams', async () => {
  const { feed, asked, moves, connection } = feedOf({ listening: 10_000, lost: 1000 })
  connection()?.onReady()
  const followers = Array.from({ length: 100 }, (_, i) => follower(feed, `upload-${i % 50}`))
  await passes(10_000)
  expect(followers.every(({ times }) => times === 1)).toBe(true) // the first query knows no previous version, so it counts as a change
  await passes(10_000)
  moves('upload-7')
  await passes(10_000)

  expect(followers.flatMap(({ times }, i) => (times === 2 ? [i] : []))).toEqual([7, 57])
  expect(asked.map((ids) => ids.length)).toEqual([50, 50, 50])
  await feed.close()
})

test('more than a hundred uploads are queried in batches of a hundred, and none if there are no streams', async () => {
  const { feed, asked, connection } = feedOf({ listening: 10_000, lost: 1000 })
  connection()?.onReady()
  const followers = Array.from({ length: 250 }, (_, i) => follower(feed, `upload-${i}`))
  await passes(10_000)
  expect(asked.map((ids) => ids.length)).toEqual([100, 100, 50])
  for (const { leaves } of followers) leaves()
  await passes(100_000)
  expect(asked).toHaveLength(3)

  follower(feed, 'upload-1')
  await passes(10_000)
  expect(asked.at(3)).toEqual(['upload-1'])
  await feed.close()
})

test('without a connection it polls more often, and a failed query ends all waits with its error', async () => {
  const { feed, asked, connection, becomesUnavailable } = feedOf({ listening: 10_000, lost: 1000 })
  connection()?.onReady()
  const one = follower(feed, 'upload-1')
  connection()?.onLost()
  expect(one.times).toBe(1)
  await passes(3000)
  expect({ looks: asked.length, woken: one.times }).toEqual({ looks: 3, woken: 2 })
  becomesUnavailable()
  await passes(2000)
  expect({ looks: asked.length, woken: one.times }).toEqual({ looks: 5, woken: 4 })
  connection()?.onReady()
  await feed.close()
})
