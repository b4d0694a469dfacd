import { refusal } from '@airlock/domain'
import { dot, largeScene, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Inspect, purge } from '../../src/index.ts'
import { type Airlock, realInspect, test } from '../airlock.ts'

/** Runs due purges twice, as if the longest call to the store had ended in between. */
async function purgesToTheEnd(airlock: Airlock): Promise<void> {
  const { database, sql } = airlock.world
  for (let time = 0; time < 2; time += 1) {
    await sql.query(`update purges set due_at = now() - interval '1 ms'`)
    await purge(
      { againInSeconds: 30, leaseSeconds: 60 },
      { purges: database.purges, uploads: airlock.uploads, store: airlock.store, log: airlock.log },
    )
  }
}

test.beforeEach(async ({ world }) => {
  await world.sql.query('truncate purges')
})

const deletesOwner =
  (airlock: Airlock): Inspect =>
  async (...args) => {
    await airlock.world.sql.query('delete from users where id = $1', [airlock.userId])
    return realInspect(...args)
  }

test.for([
  { fate: { diesBefore: 'reject' }, becomes: 'processing' },
  { fate: { diesAfter: 'reject' }, becomes: 'rejected' },
])(
  'an upload whose owner is deleted and whose worker dies ($fate) leaves no asset and no copy',
  { meta: { id: 'owner-deleted-worker-dies' } },
  async ({ fate, becomes }, { airlock, world, expect }) => {
    const upload = await airlock.accepts(dot)
    expect(await airlock.worker({ ...fate, inspect: deletesOwner(airlock) }).process(upload)).toEqual({ ended: 'died' })
    expect(await airlock.stateOf(upload)).toBe(becomes)
    expect(await airlock.finalObjects()).toEqual([upload.finalKey])

    await airlock.leaseExpires(upload).catch(() => {}) // a final row has none
    await airlock.worker().process(upload)
    await purgesToTheEnd(airlock)

    expect(await airlock.of(upload)).toMatchObject({ state: 'rejected', refusal: { code: 'unknown_user' } })
    expect(await world.bucket.keys()).toEqual([])
  },
)

test('an upload that is rejected by its second attempt leaves no copy of the first', { meta: { id: 'second-attempt-rejects' } }, async ({
  airlock,
  world,
}) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(upload)
  await airlock.leaseExpires(upload)
  const stricter: Inspect = async () => ({ ok: false, refusal: refusal('file_corrupt', { ...upload, reason: 'a rule that is new' }) })

  expect((await airlock.worker({ inspect: stricter }).process(upload)).ended).toBe('rejected')
  await purgesToTheEnd(airlock)

  expect(await world.bucket.keys()).toEqual([])
  expect(await airlock.assetsOf(upload)).toEqual([])
})

test('an upload that is rejected by its first attempt needs no purge, because there is no copy', async ({ airlock, world }) => {
  const upload = await airlock.accepts(samples.brokenPhoto)
  await airlock.worker().process(upload)
  expect((await world.sql.query('select key from purges')).rows).toEqual([])
})

test.for([dot, largeScene()])(
  'a worker that copies $filename after another completed it changes neither the asset nor its object',
  { meta: { id: 'stale-copy-after-completion' } },
  async (sample, { airlock, expect }) => {
    const upload = await airlock.accepts(sample)
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const copyToFinal: Airlock['store']['copyToFinal'] = async (...args) => {
      reached.resolve()
      await gate.promise
      return airlock.store.copyToFinal(...args)
    }
    const stale = airlock.worker({ store: { ...airlock.store, copyToFinal } }).process(upload)
    await reached.promise
    await airlock.leaseExpires(upload)
    expect((await airlock.worker().process(upload)).ended).toBe('completed')
    const [asset] = await airlock.assetsOf(upload)

    gate.resolve()

    expect((await stale).ended).toBe('lost')
    expect(await airlock.assetsOf(upload)).toEqual([asset])
    expect((await airlock.bytesAt(upload.finalKey ?? '')).equals(sample.bytes)).toBe(true)
    expect(await airlock.openMultipartUploads()).toEqual([])
  },
)

test('an asset that is deleted while a stale worker has its upload stays deleted, and its object is removed', {
  meta: { id: 'deleted-asset-stale-worker' },
}, async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const copyToFinal: Airlock['store']['copyToFinal'] = async (...args) => {
    const copied = await airlock.store.copyToFinal(...args)
    reached.resolve()
    await gate.promise
    return copied
  }
  const stale = airlock.worker({ store: { ...airlock.store, copyToFinal } }).process(upload)
  await reached.promise
  await airlock.leaseExpires(upload)
  await airlock.worker().process(upload)
  const [asset] = await airlock.assetsOf(upload)
  expect(await world.database.assets.delete(asset?.id ?? '', { force: false })).toBe('deleted')

  gate.resolve()

  expect((await stale).ended).toBe('lost')
  await purgesToTheEnd(airlock)
  expect(await airlock.assetsOf(upload)).toEqual([])
  expect(await world.bucket.keys()).toEqual([])
})
