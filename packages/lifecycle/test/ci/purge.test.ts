import { randomUUID } from 'node:crypto'
import type { AssetRecord, UploadRecord } from '@airlock/database'
import { StoreFailure, StoreUnavailable } from '@airlock/storage'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type PurgeDeps, type PurgeOptions, purge } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'
import { Died, Mortal } from '../mortal.ts'

const purges = (airlock: Airlock, deps: Partial<PurgeDeps> = {}, options: Partial<PurgeOptions> = {}) =>
  purge(
    { againInSeconds: 30, leaseSeconds: 60, ...options },
    { purges: airlock.world.database.purges, uploads: airlock.uploads, store: airlock.store, log: airlock.log, ...deps },
  )

const nothing = { removed: 0, finished: 0, spared: 0, postponed: 0 }

/** A promoted file, with the headers of its object. */
async function asset(airlock: Airlock): Promise<{ upload: UploadRecord; asset: AssetRecord }> {
  const upload = await airlock.accepts(dot)
  await airlock.worker().process(upload)
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('not promoted')
  return { upload, asset }
}

async function deletedAsset(airlock: Airlock): Promise<AssetRecord> {
  const { asset: one } = await asset(airlock)
  expect(await airlock.world.database.assets.delete(one.id, { force: false })).toBe('deleted')
  return one
}

const waiting = async ({ world }: Airlock): Promise<{ key: string; first: boolean; due: boolean }[]> =>
  (await world.sql.query('select key, done_first_at is not null as first, due_at <= now() as due from purges order by key')).rows

const comesDue = ({ world }: Airlock) => world.sql.query(`update purges set due_at = now() - interval '1 ms'`)

/** Removes rows of deleted assets, which remain after the cleanup of assets. */
test.beforeEach(async ({ world }) => {
  await world.sql.query('truncate purges')
})

test('the object of a deleted asset is removed, again when no copy can be running any more, and then its row', async ({ airlock }) => {
  const kept = await asset(airlock)
  const { s3Key } = await deletedAsset(airlock)
  expect(await airlock.finalObjects()).toEqual([s3Key, kept.asset.s3Key].sort())

  expect(await purges(airlock)).toEqual({ ...nothing, removed: 1 })
  expect(await airlock.finalObjects()).toEqual([kept.asset.s3Key])
  expect(await waiting(airlock)).toEqual([{ key: s3Key, first: true, due: false }])
  expect(await purges(airlock)).toEqual(nothing)

  await comesDue(airlock)
  expect(await purges(airlock)).toEqual({ ...nothing, finished: 1 })
  expect(await waiting(airlock)).toEqual([])
  expect(await airlock.finalObjects()).toEqual([kept.asset.s3Key])
})

test('a late copy of a paused worker is removed by the second removal', { meta: { id: 'purge-late-copy' } }, async ({ airlock }) => {
  const { asset: promoted } = await asset(airlock)
  const object = await airlock.store.head(promoted.s3Key)
  if (object === null) throw new Error('no object')
  const spare = `brand-images/${randomUUID()}`
  const headers = { contentType: 'image/png', cacheControl: 'private', metadata: object.metadata }
  await airlock.store.copyToFinal(promoted.s3Key, spare, { ifEtag: object.etag, sizeBytes: object.sizeBytes, headers })
  await airlock.world.database.assets.delete(promoted.id, { force: false })
  await purges(airlock)

  const late = await airlock.store.head(spare)
  await airlock.store.copyToFinal(spare, promoted.s3Key, { ifEtag: late?.etag ?? '', sizeBytes: object.sizeBytes, headers })
  await comesDue(airlock)

  expect(await purges(airlock)).toEqual({ ...nothing, finished: 1 })
  expect(await airlock.finalObjects()).toEqual([spare])
})

test('a deleted user leaves no objects', { meta: { id: 'user-deleted-leaves-no-object' } }, async ({ airlock, world }) => {
  await asset(airlock)
  await asset(airlock)
  await world.sql.query('delete from uploads where user_id = $1', [airlock.userId])
  await world.sql.query('delete from users where id = $1', [airlock.userId])

  expect(await purges(airlock)).toEqual({ ...nothing, removed: 2 })
  expect(await airlock.finalObjects()).toEqual([])
})

test.for([
  ['head', 'before'],
  ['head', 'after'],
  ['purge', 'before'],
  ['purge', 'after'],
  ['firstDone', 'before'],
  ['firstDone', 'after'],
] as const)(
  'after a worker died at %s (%s it), another one has the same result',
  { meta: { id: 'purge-worker-dies-at-any-step' } },
  async ([verb, when], { airlock }) => {
    const { s3Key } = await deletedAsset(airlock)
    const mortal = new Mortal({ verb, when })
    const held = { purges: mortal.holds(airlock.world.database.purges), store: mortal.holds(airlock.store) }
    await expect(purges(airlock, held)).rejects.toBeInstanceOf(Died)

    await comesDue(airlock)
    await purges(airlock)
    await comesDue(airlock)
    await purges(airlock)

    expect(await waiting(airlock)).toEqual([])
    expect(await airlock.store.head(s3Key)).toBeNull()
  },
)

test('after a worker died at its last statement, the next one removes the row', async ({ airlock }) => {
  await deletedAsset(airlock)
  await purges(airlock)
  await comesDue(airlock)
  const mortal = new Mortal({ verb: 'finished', when: 'before' })
  await expect(purges(airlock, { purges: mortal.holds(airlock.world.database.purges) })).rejects.toBeInstanceOf(Died)

  await comesDue(airlock)
  expect(await purges(airlock)).toEqual({ ...nothing, finished: 1 })
})

test('an object of another upload, and one without metadata, are reported and not removed', {
  meta: { id: 'purge-of-foreign-object' },
}, async ({ airlock }) => {
  const first = await asset(airlock)
  const second = await asset(airlock)
  await airlock.replaces({ quarantineKey: second.asset.s3Key }, dot.bytes)
  const add = 'insert into purges (key, upload_id) values ($1, $2)'
  await airlock.world.database.assets.delete(second.asset.id, { force: false })
  await airlock.world.sql.query('update assets set s3_key = $2 where id = $1', [first.asset.id, 'elsewhere'])
  await airlock.world.sql.query(add, [first.asset.s3Key, second.upload.id])
  await comesDue(airlock) // the column's milliseconds may round up beyond now

  expect(await purges(airlock)).toEqual({ ...nothing, spared: 2 })

  expect(await airlock.finalObjects()).toEqual([first.asset.s3Key, second.asset.s3Key].sort())
  const reported = airlock.log.withMessage('object to be purged is not ours, not removed')
  expect(
    reported.map(({ key, objectUploadId }) => ({ key, objectUploadId })).sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1)),
  ).toEqual(
    [
      { key: first.asset.s3Key, objectUploadId: first.upload.id },
      { key: second.asset.s3Key, objectUploadId: null },
    ].sort((a, b) => (a.key < b.key ? -1 : 1)),
  )
  await comesDue(airlock)
  await purges(airlock)
  expect(await waiting(airlock), 'a reported object is not reported again').toEqual([])
})

test('nothing outside the prefixes of assets is removed, even if a row requests it', async ({ airlock }) => {
  const { upload, asset: promoted } = await asset(airlock)
  const object = await airlock.store.head(promoted.s3Key)
  if (object === null) throw new Error('no object')
  await airlock.store.copyToFinal(promoted.s3Key, 'another/owner.png', {
    ifEtag: object.etag,
    sizeBytes: object.sizeBytes,
    headers: { contentType: 'image/png', cacheControl: 'private', metadata: object.metadata },
  })
  await airlock.world.sql.query('insert into purges (key, upload_id) values ($1, $2)', ['another/owner.png', upload.id])

  expect(await purges(airlock)).toEqual({ ...nothing, spared: 1 })
  expect(await airlock.finalObjects()).toContain('another/owner.png')
})

test('an object of an asset or of an active upload is never removed', async ({ airlock, world }) => {
  const named = await asset(airlock)
  const upload = await airlock.accepts(samples.photo)
  await world.sql.query('insert into purges (key, upload_id) values ($1, $2), ($3, $4)', [
    named.asset.s3Key,
    named.upload.id,
    upload.finalKey,
    upload.id,
  ])

  expect(await purges(airlock)).toEqual({ ...nothing, spared: 1 })

  expect(await airlock.finalObjects()).toEqual([named.asset.s3Key])
  expect(await waiting(airlock)).toEqual([{ key: upload.finalKey, first: false, due: false }])
  expect(airlock.log.withMessage('object to be purged belongs to a live upload, not removed')).toMatchObject([{ uploadId: upload.id }])
})

test('while the store is unavailable a run tries a few purges, and the rest is due again after their leases', {
  meta: { id: 'purge-store-unavailable' },
}, async ({ airlock, world }) => {
  const { rows } = await world.sql.query(
    `insert into purges (key, upload_id) select 'brand-images/' || n, gen_random_uuid() from generate_series(1, 300) as n returning key`,
  )
  let asked = 0
  const unavailable = async (): Promise<never> => {
    asked += 1
    throw new StoreUnavailable('SlowDown', null)
  }
  const report = await purges(airlock, { store: { head: unavailable, purge: unavailable } })

  expect(report).toEqual({ ...nothing, postponed: asked })
  expect(asked).toBeLessThanOrEqual(8)
  expect(await waiting(airlock)).toHaveLength(rows.length)
  await comesDue(airlock)
  expect(await purges(airlock)).toEqual({ ...nothing, removed: 300 })
})

test('an object that the store refuses to delete does not delay others', async ({ airlock }) => {
  const locked = await deletedAsset(airlock)
  await deletedAsset(airlock)
  const store = {
    head: airlock.store.head,
    purge: async (key: string) => {
      if (key === locked.s3Key) throw new StoreFailure('held', key, { code: 'AccessDenied', status: 403 })
      await airlock.store.purge(key)
    },
  }
  expect(await purges(airlock, { store })).toEqual({ ...nothing, removed: 1, postponed: 1 })
  expect(airlock.log.withMessage('object of a deleted asset not removed, will be retried')).toMatchObject([{ key: locked.s3Key }])
  expect(await airlock.finalObjects()).toEqual([locked.s3Key])
})

test('two concurrent workers share due purges', async ({ airlock, world }) => {
  await world.sql.query(
    `insert into purges (key, upload_id) select 'brand-images/' || n, gen_random_uuid() from generate_series(1, 250) as n`,
  )
  const reports = await Promise.all([purges(airlock), purges(airlock)])
  expect(reports.reduce((sum, { removed }) => sum + removed, 0)).toBe(250)
})

test('an aborted run ends between two objects', async ({ airlock }) => {
  await deletedAsset(airlock)
  const stop = AbortSignal.abort()
  expect(await purges(airlock, {}, { signal: stop })).toEqual(nothing)
  const late = new AbortController()
  const due: PurgeDeps['purges']['due'] = async (options) => {
    const batch = await airlock.world.database.purges.due(options)
    late.abort()
    return batch
  }
  const held = { ...airlock.world.database.purges, due }
  expect(await purges(airlock, { purges: held }, { signal: late.signal })).toEqual(nothing)
  expect(await airlock.finalObjects()).toHaveLength(1)
})
