import { randomUUID } from 'node:crypto'
import type { UploadRecord } from '@airlock/database'
import { waitFor } from '@airlock/testkit'
import type { Servers } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Airlock, test } from '../airlock.ts'

const patient = { timeout: 180_000 } as const

const acceptsMany = async (airlock: Airlock, count: number, userId: string): Promise<UploadRecord[]> => {
  const uploads: UploadRecord[] = []
  for (let i = 0; i < count; i++) uploads.push(await airlock.accepts(samples.logo, { userId }))
  return uploads
}

/** A store that records the order of copies, and holds those of some users until they are released. */
function watchedStore({ store }: Servers, held: readonly string[] = []) {
  const opened = Promise.withResolvers<void>()
  const copied: string[] = []
  const copyToFinal: typeof store.copyToFinal = async (from, to, options) => {
    const userId = to.split('/')[1] ?? ''
    copied.push(userId)
    if (held.includes(userId)) await opened.promise
    return store.copyToFinal(from, to, options)
  }
  return { store: { ...store, copyToFinal }, copied, open: () => opened.resolve() }
}

test('a single user gets all slots of a lane but one, which is left for another user', patient, async ({ airlock, servers }) => {
  const [flooder, other] = [randomUUID(), randomUUID()]
  const { store, copied, open } = watchedStore(servers, [flooder])
  const flood = await acceptsMany(airlock, 12, flooder)
  airlock.startsWorker({ store, concurrency: 3, lanes: ['images'] })

  try {
    await waitFor(() => copied.length === 2, { what: 'the flood to hold its slots' })
    for (const upload of await acceptsMany(airlock, 3, other)) await airlock.comesTo('completed', upload)
    expect(copied.filter((userId) => userId === flooder)).toHaveLength(2)
  } finally {
    open()
  }
  for (const upload of flood) await airlock.comesTo('completed', upload)
})

test('with one slot, users are served in rotation, however many files of one wait', {
  ...patient,
  meta: { id: 'fairness-users-take-turns' },
}, async ({ airlock, servers }) => {
  const [one, two, late] = [randomUUID(), randomUUID(), randomUUID()]
  const { store, copied, open } = watchedStore(servers, [one])
  const flood = [...(await acceptsMany(airlock, 10, one)), ...(await acceptsMany(airlock, 10, two))]
  airlock.startsWorker({ store, concurrency: 1, lanes: ['images'] })
  await waitFor(() => copied.includes(one), { what: 'a file of the first user to run' })
  const before = copied.length
  const [single] = await acceptsMany(airlock, 1, late)
  open()

  await airlock.comesTo('completed', single as UploadRecord)
  expect(copied.indexOf(late) - before).toBeLessThanOrEqual(2)
  for (const upload of flood) await airlock.comesTo('completed', upload, 90_000)
  expect(copied.slice(0, 12).filter((userId) => userId === one).length).toBeLessThanOrEqual(7)
})

test('a queue full of one user’s files is not dequeued in vain: the worker looks a few times a second', {
  ...patient,
  meta: { id: 'fairness-full-queue-stays-queued' },
}, async ({ airlock, servers }) => {
  const flooder = randomUUID()
  const { store, copied, open } = watchedStore(servers, [flooder])
  const { uploads } = servers.database
  let looks = 0
  const nextInTurn: typeof uploads.nextInTurn = (...args) => {
    looks += 1
    return uploads.nextInTurn(...args)
  }
  const flood = await acceptsMany(airlock, 40, flooder)
  airlock.startsWorker({
    store,
    concurrency: 2,
    lanes: ['images'],
    database: { ...servers.database, uploads: { ...uploads, nextInTurn } },
  })
  try {
    await waitFor(() => copied.length === 1, { what: 'a file to run' })
    const [before, started] = [looks, performance.now()]
    await waitFor(() => looks >= before + 15, { what: 'fifteen more checks of the worker' })
    expect(performance.now() - started).toBeGreaterThan(1500)
    const counts = await airlock.queues.onLane('images', (queue) => queue.getJobCounts('active', 'delayed', 'wait', 'prioritized'))
    expect(counts.delayed).toBeLessThanOrEqual(3)
  } finally {
    open()
  }
  for (const upload of flood) await airlock.comesTo('completed', upload, 90_000)
})

test('a stopping worker does not wait for jobs without a slot', patient, async ({ airlock, servers }) => {
  const flooder = randomUUID()
  const { store, copied, open } = watchedStore(servers, [flooder])
  await acceptsMany(airlock, 4, flooder)
  const worker = airlock.startsWorker({ store, concurrency: 2, lanes: ['images'] })
  await waitFor(() => copied.length === 1, { what: 'a file to run' })
  await waitFor(async () => (await airlock.queues.onLane('images', (queue) => queue.getActiveCount())) === 2, {
    what: 'a second job to be taken',
  })

  await worker.stopTaking()
  await waitFor(async () => (await airlock.queues.onLane('images', (queue) => queue.getActiveCount())) === 1, { what: 'it to be put back' })
  open()
  await worker.drain()
  expect(copied).toHaveLength(1)
})
