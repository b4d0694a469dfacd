import { refusal } from '@airlock/domain'
import { FaultyLink } from '@airlock/testkit'
import { dot, largeScene, type Sample } from '@airlock/testkit/samples'
import { expect, onTestFinished } from 'vitest'
import { type PurgeDeps, purge, release } from '../../src/index.ts'
import type { World } from '../airlock.ts'
import { type Airlock, type Run, realInspect, test } from '../airlock.ts'

/** Races: the first process stops at a given point until the second is done. */

interface Stopped {
  /** Resolves when the worker has stopped at the point. */
  readonly reached: Promise<void>
  readonly run: Promise<Run>
  goesOn(): void
}

/** The points of a copy: before the request, during it, and after it. */
const points = ['before', 'during', 'after'] as const
type Point = (typeof points)[number]

/** During a single copy its request is in transit and executed later; during a multipart copy all parts exist, but no object. */
const heldRequests = { small: /^PUT \S*\/brand-images\//, large: /^POST \S*[?&]uploadId=/ } as const

const copies = (['small', 'large'] as const).flatMap((size) => points.map((point) => ({ size, point })))

const sampleOf = (size: 'small' | 'large'): Sample => (size === 'small' ? dot : largeScene())

async function stopsAtCopy(airlock: Airlock, upload: { id: string }, size: 'small' | 'large', point: Point): Promise<Stopped> {
  if (point === 'during') {
    const link = new FaultyLink(airlock.world.bucket.endpoint)
    const endpoint = await link.open()
    const { reached, release } = link.holds(heldRequests[size])
    onTestFinished(async () => {
      release()
      await link.close()
    })
    const run = airlock.worker({ store: airlock.world.storeWith({ endpoint }) }).process(upload)
    return { reached, run, goesOn: release }
  }
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const stop = () => {
    reached.resolve()
    return opened.promise
  }
  const copyToFinal: Airlock['store']['copyToFinal'] = async (...args) => {
    if (point === 'before') await stop()
    const copied = await airlock.store.copyToFinal(...args)
    if (point === 'after') await stop()
    return copied
  }
  const run = airlock.worker({ store: { ...airlock.store, copyToFinal } }).process(upload)
  return { reached: reached.promise, run, goesOn: () => opened.resolve() }
}

const purges = (airlock: Airlock, deps: Partial<PurgeDeps> = {}) =>
  purge(
    { againInSeconds: 30, leaseSeconds: 60 },
    { purges: airlock.world.database.purges, uploads: airlock.uploads, store: airlock.store, log: airlock.log, ...deps },
  )

/** Simulates the end of the longest call, and runs the second purge. */
async function removesAgain(airlock: Airlock): Promise<void> {
  for (let time = 0; time < 2; time += 1) {
    await airlock.world.sql.query(`update purges set due_at = now() - interval '1 ms'`)
    await purges(airlock)
  }
}

async function expectNothingIsLeft({ bucket, sql }: World): Promise<void> {
  expect(await bucket.keys()).toEqual([])
  expect(await bucket.openMultipartUploads()).toEqual([])
  expect((await sql.query('select key from purges')).rows).toEqual([])
}

test.beforeEach(async ({ world }) => {
  await world.sql.query('truncate purges')
})

test.for(copies)(
  'an upload that is cancelled $point the copy ($size) of its worker stays unreachable, and its copy is removed',
  { meta: { id: 'cancel-around-copy' } },
  async ({ size, point }, { airlock, world, expect }) => {
    const upload = await airlock.accepts(sampleOf(size))
    const worker = await stopsAtCopy(airlock, upload, size, point)
    await worker.reached

    expect(await airlock.uploads.cancel(upload.id, refusal('cancelled', upload))).toMatchObject({ cancelled: true })
    await purges(airlock) // before the copy has ended
    worker.goesOn()

    expect((await worker.run).ended).toBe('lost')
    expect(await airlock.assetsOf(upload)).toEqual([])
    expect(await airlock.stateOf(upload)).toBe('rejected')
    await removesAgain(airlock)
    await expectNothingIsLeft(world)
  },
)

test.for(copies)(
  'an upload that is parked and released $point the copy ($size) of an earlier worker stays unreachable, and its copy is removed',
  { meta: { id: 'release-around-copy' } },
  async ({ size, point }, { airlock, world, expect }) => {
    const upload = await airlock.accepts(sampleOf(size))
    const stale = await stopsAtCopy(airlock, upload, size, point)
    await stale.reached
    await airlock.leaseExpires(upload)
    const failing = airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 })
    expect((await failing.process(upload)).ended).toBe('parked')

    const by = { operator: 'ada', reason: null, requestId: null }
    const deps = { uploads: airlock.uploads, store: airlock.store, jobQueue: world.jobQueue, log: airlock.log }
    expect(await release(await airlock.of(upload), by, deps)).toBe('released')
    await purges(airlock) // before the copy has ended
    stale.goesOn()

    expect((await stale.run).ended).toBe('lost')
    expect(await airlock.assetsOf(upload)).toEqual([])
    expect(await airlock.stateOf(upload)).toBe('rejected')
    await removesAgain(airlock)
    await expectNothingIsLeft(world)
  },
)

test.for(copies)(
  'an asset that is deleted $point the copy ($size) of a duplicate delivery stays deleted, and its object is removed',
  { meta: { id: 'delete-around-duplicate-copy' } },
  async ({ size, point }, { airlock, world, expect }) => {
    const upload = await airlock.accepts(sampleOf(size))
    const stale = await stopsAtCopy(airlock, upload, size, point)
    await stale.reached
    await airlock.leaseExpires(upload)
    expect((await airlock.worker().process(upload)).ended).toBe('completed')
    const [asset] = await airlock.assetsOf(upload)

    expect(await world.database.assets.delete(asset?.id ?? '', { force: false })).toBe('deleted')
    await purges(airlock) // before the other copy has ended
    stale.goesOn()

    expect((await stale.run).ended).toBe('lost')
    expect(await airlock.assetsOf(upload)).toEqual([])
    expect(await airlock.stateOf(upload)).toBe('completed')
    await removesAgain(airlock)
    await expectNothingIsLeft(world)
  },
)

/** The points at which a user is deleted, and the following steps. */
const deletions: { when: string; goes: (airlock: Airlock, deletesUser: () => Promise<void>) => Promise<void> }[] = [
  {
    when: 'while it is being received',
    goes: async (airlock, deletesUser) => {
      const receive: Airlock['store']['receive'] = async (...args) => {
        const received = await airlock.store.receive(...args)
        await deletesUser()
        return received
      }
      const upload = await airlock.accepts(dot, { deps: { store: { ...airlock.store, receive } } })
      await airlock.worker().process(upload)
    },
  },
  {
    when: 'while it waits for a worker',
    goes: async (airlock, deletesUser) => {
      const upload = await airlock.accepts(dot)
      await deletesUser()
      await airlock.worker().process(upload)
    },
  },
  {
    when: 'while it is being inspected',
    goes: async (airlock, deletesUser) => {
      const upload = await airlock.accepts(dot)
      const inspect: typeof realInspect = async (...args) => {
        await deletesUser()
        return realInspect(...args)
      }
      await airlock.worker({ inspect }).process(upload)
    },
  },
  ...points.map((point) => ({
    when: `${point} its copy`,
    goes: async (airlock: Airlock, deletesUser: () => Promise<void>) => {
      const upload = await airlock.accepts(dot)
      const worker = await stopsAtCopy(airlock, upload, 'small', point)
      await worker.reached
      await deletesUser()
      worker.goesOn()
      await worker.run
    },
  })),
]

test.for(deletions)(
  'an upload whose user is deleted $when is rejected, and leaves no bytes',
  { meta: { id: 'user-deleted-during-upload' } },
  async ({ goes }, { airlock, world, expect }) => {
    const deletesUser = async () => {
      expect((await world.sql.query('delete from users where id = $1', [airlock.userId])).rowCount).toBe(1)
    }

    await goes(airlock, deletesUser)

    const [row] = await airlock.rows()
    expect(row).toMatchObject({ state: 'rejected', refusal: { code: 'unknown_user' } })
    await removesAgain(airlock)
    await expectNothingIsLeft(world)
  },
)

test('an upload that is cancelled during its inspection ends at once, and its worker changes nothing', {
  meta: { id: 'cancel-during-inspection' },
}, async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  const inspect: typeof realInspect = async (...args) => {
    expect(await airlock.uploads.cancel(upload.id, refusal('cancelled', upload))).toMatchObject({ cancelled: true })
    return realInspect(...args)
  }

  expect((await airlock.worker({ inspect }).process(upload)).ended).toBe('lost')

  expect(await airlock.of(upload)).toMatchObject({ state: 'rejected', refusal: { code: 'cancelled' } })
  await removesAgain(airlock)
  await expectNothingIsLeft(world)
})
