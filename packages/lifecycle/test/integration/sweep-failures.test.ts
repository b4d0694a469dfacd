import { refusal } from '@airlock/domain'
import { StoreFailure, StoreUnavailable } from '@airlock/storage'
import { dot } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { AnnouncedVideo } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'
import { puts } from '../inbox.ts'

/** The response of a store to a HEAD of an SSE-C object. */
const hidden = (key: string) => new StoreFailure('HeadObject: BadRequest (400): ', key, { code: 'BadRequest', status: 400 })

const storeWithHidden = ({ store }: Airlock, keys: readonly string[]): Airlock['store'] => ({
  ...store,
  head: async (address) => {
    if (typeof address === 'string' && keys.includes(address)) throw hidden(address)
    return store.head(address)
  },
})

/** An object that the last rules of a sweep remove: one in quarantine, and a copy at a final key. */
async function leavesLeftovers(airlock: Airlock): Promise<void> {
  const refused = await airlock.receives(dot)
  await airlock.uploads.abandon(refused.uploadId, refusal('upload_interrupted', dot), { giveBack: false })
  const cancelled = await airlock.accepts(dot)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(cancelled)
  await airlock.uploads.cancel(cancelled.id, refusal('cancelled', dot))
  await airlock.store.purge(cancelled.quarantineKey)
  await airlock.world.sql.query('truncate purges')
}

test('a video in the inbox that the store refuses to return hides no other, and stops no rule', {
  meta: { id: 'unreadable-inbox-object-hides-no-other' },
}, async ({ airlock }) => {
  airlock.leavesBehind('no worker takes them')
  await leavesLeftovers(airlock)
  const videos = await Promise.all(Array.from({ length: 12 }, () => puts(airlock)))
  const secret = videos[5]?.key ?? ''

  const report = await airlock.sweeps({}, { store: storeWithHidden(airlock, [secret]) })

  expect(report).toMatchObject({ inbox: 11, leftovers: 1, strays: 1 })
  const reported = airlock.log.withMessage("objects in the inbox can't be enqueued, left unchanged")
  expect(reported).toMatchObject([{ count: 1, objects: [expect.stringContaining(secret)] }])
})

test('an object at a final key that the store refuses to return hides no other, and is reported', {
  meta: { id: 'unreadable-final-object-hides-no-other' },
}, async ({ airlock }) => {
  await leavesLeftovers(airlock)
  const secret = `brand-images/${airlock.userId}/secret.png`
  await airlock.world.bucket.put(secret, dot.bytes)

  expect(await airlock.sweeps({}, { store: storeWithHidden(airlock, [secret]) })).toMatchObject({ strays: 1 })

  expect(airlock.log.withMessage('objects that the store refuses to read, left unchanged')).toMatchObject([{ count: 1, keys: [secret] }])
  expect(await airlock.finalObjects()).toEqual([secret])
})

test('objects with customer-provided keys stop no rule of the sweeper, and hide no other', {
  meta: { id: 'customer-encrypted-objects' },
}, async ({ airlock }) => {
  airlock.leavesBehind('no worker takes them')
  await leavesLeftovers(airlock)
  const videos = await Promise.all(Array.from({ length: 3 }, () => puts(airlock)))
  const [, { key: secretVideo }] = videos as [AnnouncedVideo, AnnouncedVideo, AnnouncedVideo]
  const secretPicture = `brand-images/${airlock.userId}/secret.png`
  const { bucket } = airlock.world
  await Promise.all([secretVideo, secretPicture].map((key) => bucket.putEncryptedByCustomer(key, dot.bytes)))
  await expect(airlock.store.head(secretVideo)).rejects.toMatchObject({ status: 400 })

  expect(await airlock.sweeps()).toMatchObject({ inbox: 2, leftovers: 1, strays: 1 })

  expect(airlock.log.withMessage("objects in the inbox can't be enqueued, left unchanged")).toMatchObject([
    { count: 1, objects: [expect.stringContaining(secretVideo)] },
  ])
  expect(airlock.log.withMessage('objects that the store refuses to read, left unchanged')).toMatchObject([
    { count: 1, keys: [secretPicture] },
  ])
  expect(await airlock.finalObjects()).toEqual([secretPicture])
})

test('a single object for which the store never answers hides no other', async ({ airlock }) => {
  airlock.leavesBehind('no worker takes it')
  const [silent, other] = [await puts(airlock), await puts(airlock)]
  const head: Airlock['store']['head'] = async (address) => {
    if (address === silent.key) throw new StoreUnavailable('HeadObject: InternalError (500)', silent.key)
    return airlock.store.head(address)
  }
  expect(await airlock.sweeps({}, { store: { ...airlock.store, head } })).toMatchObject({ inbox: 1 })
  expect(await airlock.enqueuedIds('videos')).toEqual([other.uploadId])
})

test('a failing rule stops no other, and the sweep reports failures and results', {
  meta: { id: 'failing-rule-stops-no-other' },
}, async ({ airlock }) => {
  await leavesLeftovers(airlock)
  const list: Airlock['store']['list'] = async (prefix, options) => {
    if (prefix.startsWith('pipeline-inbox')) throw new StoreFailure('AccessDenied', prefix, { code: 'AccessDenied', status: 403 })
    return airlock.store.list(prefix, options)
  }
  const assets = { ...airlock.world.database.assets, expiring: async () => Promise.reject(new Error('a bug')) }

  expect(await airlock.triesToSweep({}, { store: { ...airlock.store, list }, assets })).toMatchObject({
    failure: { message: 'rules of the sweeper failed: expired, inbox, leftovers' },
    report: { strays: 1 },
  })
  await airlock.sweeps()
})

test('while the store is unavailable, a sweep ends after two rules that need it, and another follows', async ({ airlock }) => {
  await leavesLeftovers(airlock)
  let asked = 0
  const list: Airlock['store']['list'] = async (prefix) => {
    asked += 1
    throw new StoreUnavailable('no answer within 30000 ms', prefix)
  }
  expect(await airlock.triesToSweep({}, { store: { ...airlock.store, list } })).toMatchObject({ failure: expect.any(Error) })
  expect(asked).toBe(2)
  expect(await airlock.sweeps()).toMatchObject({ leftovers: 1, strays: 1 })
})

test("a key with a NUL, which Postgres can't store, does not end a pass", async ({ airlock, world }) => {
  const objects = Array.from({ length: 100 }, (_, i) => `quarantine/a${String(i).padStart(3, '0')}\0x`)
  const looks: (string | undefined)[] = []
  const list: Airlock['store']['list'] = async (prefix, { after, limit }) => {
    if (prefix !== 'quarantine/') return airlock.store.list(prefix, { limit, ...(after !== undefined && { after }) })
    looks.push(after)
    const found = objects.filter((key) => after === undefined || key > after).slice(0, limit)
    return found.map((key) => ({ key, sizeBytes: 1, etag: '"e"', lastModified: new Date(0) }))
  }
  await airlock.sweeps({}, { store: { ...airlock.store, list } })
  expect(looks).toEqual(['quarantine/', 'quarantine/a099\u0001'])
  expect((await world.sql.query('select holder from sweeper')).rows).toEqual([{ holder: null }])
})
