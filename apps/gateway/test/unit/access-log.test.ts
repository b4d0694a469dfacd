import { type AccessEntry, DatabaseUnavailable } from '@airlock/database'
import type { FastifyRequest } from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AccessRecorder, type AccessRecorderOptions } from '../../src/operations/access-log.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const request = { id: 'request-1', ip: '127.0.0.1', caller: { id: 'user', scopes: [] } } as unknown as FastifyRequest

/** A recorder, the batches that it wrote to its database, and the lines that it logged. */
function recorder(
  options: Partial<AccessRecorderOptions> = {},
  write: (entries: readonly AccessEntry[]) => Promise<void> = async () => {},
) {
  const batches: string[][] = []
  const lines: { message: string; fields: object }[] = []
  const log = (fields: object, message: string) => void lines.push({ message, fields })
  const accesses = new AccessRecorder({
    accessLog: {
      write: async (entries) => {
        await write(entries)
        batches.push(entries.map(({ assetId }) => assetId))
      },
    },
    log: { warn: log, error: log },
    ipHashKey: null,
    ...options,
  })
  const notes = (...ids: string[]) => {
    for (const assetId of ids) accesses.note(request, { assetId, action: 'read' })
  }
  return { accesses, batches, lines, notes }
}

test('entries of a second are written in one batch, and nothing if there are none', async () => {
  const { batches, notes } = recorder()
  notes('a', 'b')
  await vi.advanceTimersByTimeAsync(900)
  notes('c')
  expect(batches).toEqual([])
  await vi.advanceTimersByTimeAsync(100)
  expect(batches).toEqual([['a', 'b', 'c']])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(batches).toHaveLength(1)
  notes('d')
  await vi.advanceTimersByTimeAsync(1000)
  expect(batches).toEqual([['a', 'b', 'c'], ['d']])
})

test('entries wait in order while the database is unavailable, which is logged once', {
  meta: { id: 'access-log-database-unavailable' },
}, async () => {
  let unavailable = true
  const { batches, notes, lines } = recorder({}, async () => {
    if (unavailable) throw new DatabaseUnavailable('unavailable')
  })
  notes('a')
  await vi.advanceTimersByTimeAsync(1000)
  notes('b')
  await vi.advanceTimersByTimeAsync(3000)
  expect(batches).toEqual([])
  expect(lines).toMatchObject([{ message: 'access log not written, its entries wait', fields: { waiting: 1 } }])
  unavailable = false
  await vi.advanceTimersByTimeAsync(1000)
  expect(batches).toEqual([['a', 'b']])
})

test('beyond a limit the oldest entries are dropped and counted', { meta: { id: 'access-log-is-bounded' } }, async () => {
  let unavailable = true
  const { batches, notes, lines } = recorder({ maxWaiting: 3 }, async () => {
    if (unavailable) throw new DatabaseUnavailable('unavailable')
  })
  notes('a', 'b', 'c', 'd', 'e')
  await vi.advanceTimersByTimeAsync(1000)
  expect(lines).toContainEqual({ message: 'access log entries lost', fields: { lost: 2 } })
  notes('f')
  unavailable = false
  await vi.advanceTimersByTimeAsync(1000)
  expect(batches).toEqual([['d', 'e', 'f']])
  expect(lines).toContainEqual({ message: 'access log entries lost', fields: { lost: 1 } })
})

test('entries that the database refuses are logged, and do not block later ones', {
  meta: { id: 'access-log-refused-batch' },
}, async () => {
  const { batches, notes, lines } = recorder({}, async ([first]) => {
    if (first?.assetId === 'bad') throw new Error('invalid input syntax')
  })
  notes('bad')
  await vi.advanceTimersByTimeAsync(1000)
  notes('good')
  await vi.advanceTimersByTimeAsync(1000)
  expect(batches).toEqual([['good']])
  expect(lines).toMatchObject([
    { message: 'access log entries rejected by the database', fields: { entries: 1 } },
    { message: 'access log entries lost', fields: { lost: 1 } },
  ])
})

test('closing waits for the running batch', async () => {
  const gate = Promise.withResolvers<void>()
  const { accesses, batches, notes } = recorder({}, () => gate.promise)
  notes('a')
  await vi.advanceTimersByTimeAsync(1000)
  const closed = accesses.close().then(() => batches.length)
  await vi.advanceTimersByTimeAsync(1000)
  gate.resolve()
  expect(await closed).toBe(1)
})

test('closing writes the remaining entries in batches', async () => {
  const gate = Promise.withResolvers<void>()
  const { accesses, batches, notes } = recorder({}, () => gate.promise)
  notes('a')
  await vi.advanceTimersByTimeAsync(1000)
  notes(...Array.from({ length: 5001 }, (_, i) => String(i)))
  const closing = accesses.close()
  gate.resolve()
  await closing
  expect(batches.map((batch) => batch.length)).toEqual([1, 5000, 1])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(batches).toHaveLength(3)
})

test('closing while the database is unavailable tries once, and logs the loss', { meta: { id: 'access-log-close' } }, async () => {
  let tries = 0
  const { accesses, notes, lines } = recorder({}, async () => {
    tries += 1
    if (tries < 10) throw new DatabaseUnavailable('unavailable')
  })
  notes('a', 'b')
  await accesses.close()
  expect(tries).toBe(1)
  expect(lines).toMatchObject([
    { message: 'access log entries rejected by the database', fields: { entries: 2 } },
    { message: 'access log entries lost', fields: { lost: 2 } },
  ])
})
