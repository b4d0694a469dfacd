import type { EventPage, EventQuery, EventRecord } from '@airlock/database'
import { expect, test } from 'vitest'
import { EventFeed, type EventFeedDeps } from '../../src/following/event-feed.ts'

/** A feed whose events and bell a test has in its hands. */
function feedOf({ lookEveryMs = { listening: 60_000, lost: 60_000 } }: Partial<EventFeedDeps> = {}) {
  const asked: EventQuery[] = []
  const told: EventRecord[] = []
  let bell: Parameters<EventFeedDeps['listen']>[0] | undefined
  const after = async (query: EventQuery): Promise<EventPage> => {
    asked.push(query)
    const position = query.after === 'latest' ? told.length : query.after
    const events = told.slice(position, position + query.limit)
    const place = (at: number) => ({ position: at, eventId: null })
    return { events, start: place(position), next: place(position + events.length), removed: 0, last: told.length }
  }
  const feed = new EventFeed({
    events: { after },
    listen: (handlers) => {
      bell = handlers
      return { close: async () => {} }
    },
    lookEveryMs,
  })
  return { feed, asked, happens: (type: string) => void told.push({ type } as EventRecord), bell: () => bell }
}

const anything = async () => {}
const query = { after: 0, limit: 10 }
const longWait = () => AbortSignal.timeout(10_000)

/** Lets all promises go on that can. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('those who wait at the same place share one statement when it rings', async () => {
  const { feed, asked, happens, bell } = feedOf()
  const waiting = Array.from({ length: 50 }, () => feed.page(query, anything, longWait()))
  await settled()
  expect(asked).toHaveLength(50)
  happens('upload.completed')
  bell()?.onMore()
  for (const { events } of await Promise.all(waiting)) expect(events).toHaveLength(1)
  expect(asked).toHaveLength(51)
})

test('they share none with those who ask for something else', async () => {
  const { feed, asked, happens, bell } = feedOf()
  const types = ['asset.deleted'] as const
  const waiting = [query, { ...query, types }, { ...query, limit: 3 }].map((one) => feed.page(one, anything, longWait()))
  await settled()
  happens('asset.deleted')
  bell()?.onMore()
  await Promise.all(waiting)
  expect(asked).toHaveLength(6)
})

test('while nothing is heard, a look for all who wait costs one statement', async () => {
  const { feed, asked, happens } = feedOf({ lookEveryMs: { listening: 60_000, lost: 50 } })
  const waiting = Array.from({ length: 50 }, () => feed.page(query, anything, longWait()))
  await settled()
  happens('upload.completed')
  await Promise.all(waiting)
  expect(asked).toHaveLength(51)
})

test('while nothing is heard, those who wait look for themselves', async () => {
  const { feed, happens, bell } = feedOf({ lookEveryMs: { listening: 60_000, lost: 20 } })
  bell()?.onReady()
  const waiting = feed.page(query, anything, longWait())
  await settled()
  bell()?.onLost()
  await settled()
  happens('upload.completed')
  expect((await waiting).events).toHaveLength(1)
})

test('a notification that was lost with the connection is made up for when it is back', async () => {
  const { feed, happens, bell } = feedOf()
  const waiting = feed.page(query, anything, longWait())
  await settled()
  happens('upload.completed')
  bell()?.onReady()
  expect((await waiting).events).toHaveLength(1)
})

test('a drain ends all waiting, and no other begins', async () => {
  const { feed } = feedOf()
  const waiting = feed.page(query, anything, longWait())
  await settled()
  feed.drain()
  expect((await waiting).events).toEqual([])
  expect((await feed.page(query, anything, longWait())).events).toEqual([])
  await feed.close()
})

test('what is refused is refused before any waiting', async () => {
  const { feed } = feedOf()
  const refuse = async () => {
    throw new Error('not there')
  }
  await expect(feed.page(query, refuse, longWait())).rejects.toThrow('not there')
})
