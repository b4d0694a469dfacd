import type { EventPage, EventQuery, EventRecord } from '@airlock/database'
import { expect, test } from 'vitest'
import { EventFeed, type EventFeedDeps } from '../../src/following/event-feed.ts'

/** A feed whose events and notifications the test controls. */
function feedOf({ pollEveryMs = { listening: 60_000, lost: 60_000 } }: Partial<EventFeedDeps> = {}) {
  const asked: EventQuery[] = []
  const written: EventRecord[] = []
  let connection: Parameters<EventFeedDeps['listen']>[0] | undefined
  const after = async (query: EventQuery): Promise<EventPage> => {
    asked.push(query)
    const position = query.after === 'latest' ? written.length : query.after
    const events = written.slice(position, position + query.limit)
    const place = (at: number) => ({ position: at, eventId: null })
    return { events, start: place(position), next: place(position + events.length), removed: 0, last: written.length }
  }
  const feed = new EventFeed({
    events: { after },
    listen: (handlers) => {
      connection = handlers
      return { close: async () => {} }
    },
    pollEveryMs,
  })
  return { feed, asked, happens: (type: string) => void written.push({ type } as EventRecord), connection: () => connection }
}

const anything = async () => {}
const nowhere = { position: 0, eventId: null }
const query = { after: 0, limit: 10 }
const longWait = () => AbortSignal.timeout(5_000)

/** Waits until all promises that can settle have settled. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('requests that wait at the same cursor share one statement after a notification', async () => {
  const { feed, asked, happens, connection } = feedOf()
  const waiting = Array.from({ length: 50 }, () => feed.page(query, anything, longWait()))
  await settled()
  expect(asked).toHaveLength(50)
  happens('upload.completed')
  connection()?.onMore()
  for (const { events } of await Promise.all(waiting)) expect(events).toHaveLength(1)
  expect(asked).toHaveLength(51)
})

test('requests with other filters do not share statements', async () => {
  const { feed, asked, happens, connection } = feedOf()
  const types = ['asset.deleted'] as const
  const waiting = [query, { ...query, types }, { ...query, limit: 3 }].map((one) => feed.page(one, anything, longWait()))
  await settled()
  happens('asset.deleted')
  connection()?.onMore()
  await Promise.all(waiting)
  expect(asked).toHaveLength(6)
})

test('a statement that began before a notification does not answer requests after it', async () => {
  const event = { type: 'asset.deleted' } as EventRecord
  const empty: EventPage = { events: [], start: nowhere, next: nowhere, removed: 0, last: 0 }
  const asked: PromiseWithResolvers<EventPage>[] = []
  let connection: Parameters<EventFeedDeps['listen']>[0] | undefined
  const feed = new EventFeed({
    events: {
      after: () => {
        const answer = Promise.withResolvers<EventPage>()
        asked.push(answer)
        return answer.promise
      },
    },
    listen: (handlers) => {
      connection = handlers
      return { close: async () => {} }
    },
    pollEveryMs: { listening: 60_000, lost: 60_000 },
  })
  const first = feed.page(query, anything, longWait())
  asked[0]?.resolve(empty)
  await settled()
  connection?.onMore()
  await settled()
  const second = feed.page(query, anything, longWait())
  asked[2]?.resolve(empty)
  await settled()
  expect(asked, 'the first request queries again, and has no result yet').toHaveLength(3)

  connection?.onMore()
  await settled()
  expect(asked).toHaveLength(4)
  asked[3]?.resolve({ ...empty, events: [event] })
  expect((await second).events).toEqual([event])
  asked[1]?.resolve({ ...empty, events: [event] })
  expect((await first).events).toEqual([event])
})

test('events of other types are skipped without waiting', async () => {
  const event = { type: 'asset.deleted' } as EventRecord
  const asked: EventQuery[] = []
  const after = async (one: EventQuery): Promise<EventPage> => {
    asked.push(one)
    const position = one.after === 'latest' ? 0 : one.after
    const next = { position: position + 10, eventId: null }
    return { events: position === 20 ? [event] : [], start: nowhere, next, removed: 0, last: 30 }
  }
  const pollEveryMs = { listening: 60_000, lost: 60_000 }
  const feed = new EventFeed({ events: { after }, listen: () => ({ close: async () => {} }), pollEveryMs })
  const page = await feed.page({ ...query, types: ['asset.deleted'] }, anything, longWait())
  expect(page.events).toEqual([event])
  expect(asked.map((one) => one.after)).toEqual([0, 10, 20])
})

test('without notifications, one periodic statement serves all waiting requests', async () => {
  const { feed, asked, happens } = feedOf({ pollEveryMs: { listening: 60_000, lost: 50 } })
  const waiting = Array.from({ length: 50 }, () => feed.page(query, anything, longWait()))
  await settled()
  happens('upload.completed')
  await Promise.all(waiting)
  expect(asked).toHaveLength(51)
})

test('without notifications, waiting requests poll', async () => {
  const { feed, happens, connection } = feedOf({ pollEveryMs: { listening: 60_000, lost: 20 } })
  connection()?.onReady()
  const waiting = feed.page(query, anything, longWait())
  await settled()
  connection()?.onLost()
  await settled()
  happens('upload.completed')
  expect((await waiting).events).toHaveLength(1)
})

test('after a reconnection, lost notifications are compensated by a query', {
  meta: { id: 'feed-notification-lost' },
}, async () => {
  const { feed, happens, connection } = feedOf()
  const waiting = feed.page(query, anything, longWait())
  await settled()
  happens('upload.completed')
  connection()?.onReady()
  expect((await waiting).events).toHaveLength(1)
})

test('draining ends all waits and refuses new ones', async () => {
  const { feed } = feedOf()
  const waiting = feed.page(query, anything, longWait())
  await settled()
  feed.drain()
  expect((await waiting).events).toEqual([])
  expect((await feed.page(query, anything, longWait())).events).toEqual([])
  await feed.close()
})

test('invalid requests are refused without waiting', async () => {
  const { feed } = feedOf()
  const refuse = async () => {
    throw new Error('refused')
  }
  await expect(feed.page(query, refuse, longWait())).rejects.toThrow('refused')
})
