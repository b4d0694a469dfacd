import { listenForPurges, type PurgeListenOptions } from '@airlock/database'
import { StoreUnavailable } from '@airlock/storage'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Airlock, test } from '../airlock.ts'

async function completedAsset(airlock: Airlock) {
  const upload = await airlock.accepts(samples.logo)
  await airlock.comesTo('completed', upload)
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('completed without an asset')
  return asset
}

const isGone = ({ servers }: Airlock, key: string) =>
  waitFor(async () => (await servers.store.head(key)) === null, { what: `${key} to be purged`, timeoutMs: 10_000 })

const isFinished = ({ servers }: Airlock, key: string) =>
  waitFor(async () => (await servers.sql.query('select from purges where key = $1', [key])).rowCount === 0, {
    what: `${key} to be removed a second time`,
    timeoutMs: 10_000,
  })

test('the object of a deleted asset is removed at once, because the database notifies the worker', async ({ airlock }) => {
  const worker = airlock.startsWorker()
  const asset = await completedAsset(airlock)
  await waitFor(async () => (await listeners(airlock)) === 1, { what: 'the worker to listen' })

  await airlock.servers.database.assets.delete(asset.id, { force: false })

  await isGone(airlock, asset.s3Key)
  expect(airlock.log.withMessage('object of a deleted asset removed')).toMatchObject([{ key: asset.s3Key, uploadId: asset.uploadId }])
  await waitFor(async () => (await worker.health.inject('/metrics')).body.includes('airlock_purged_total{outcome="removed"} 1'), {
    what: 'the metric of removed objects',
  })
})

const listeners = async ({ servers }: Airlock) => {
  const sql = "select count(*) from pg_stat_activity where datname = current_database() and query = 'listen airlock_purges'"
  return Number((await servers.sql.query(sql)).rows[0].count)
}

test('objects that were deleted while no worker ran are removed when one starts, and their rows later', {
  meta: { id: 'purge-after-downtime' },
}, async ({ airlock }) => {
  const first = airlock.startsWorker()
  const asset = await completedAsset(airlock)
  await first.stop()
  await airlock.servers.database.assets.delete(asset.id, { force: false })

  airlock.startsWorker({ purge: { everySeconds: 0.1, againInSeconds: 0 }, listenForPurges: listenNever })

  await isGone(airlock, asset.s3Key)
  await isFinished(airlock, asset.s3Key)
})

/** A listener without notifications. */
const listenNever = (_handlers: Pick<PurgeListenOptions, 'onPurge' | 'onReady' | 'onLost'>) => ({ close: async () => {} })

test('deletions are retried after the store was unavailable', async ({ airlock }) => {
  airlock.startsWorker()
  const asset = await completedAsset(airlock)
  await airlock.stopsAll()
  await airlock.servers.database.assets.delete(asset.id, { force: false })
  const { store } = airlock.servers
  let unavailable = true
  const head = async (key: string) => {
    if (unavailable) throw new StoreUnavailable('SlowDown', key)
    return store.head(key)
  }

  airlock.startsWorker({
    store: { ...store, head },
    leaseSeconds: 1,
    purge: { everySeconds: 0.1, againInSeconds: 0 },
    listenForPurges: listenNever,
  })

  await waitFor(async () => airlock.log.withMessage('object of a deleted asset not removed, will be retried').length > 0, {
    what: 'a purge that fails',
  })
  unavailable = false
  await isGone(airlock, asset.s3Key)
  await isFinished(airlock, asset.s3Key)
})

test('a failed purge run is logged, and repeated later', async ({ airlock }) => {
  const { database } = airlock.servers
  let asked = 0
  const due: typeof database.purges.due = async () => {
    asked += 1
    throw new Error('Postgres is unavailable')
  }
  airlock.startsWorker({ database: { ...database, purges: { ...database.purges, due } }, purge: { everySeconds: 0.02, againInSeconds: 0 } })
  await waitFor(async () => asked > 1, { what: 'a second purge' })
  expect(airlock.log.withMessage('purge failed, the next run retries').length).toBeGreaterThan(0)
})

test('a stopping worker ignores notifications', async ({ airlock }) => {
  const worker = airlock.startsWorker({
    listenForPurges: (handlers) => listenForPurges({ url: airlock.servers.databaseUrl, log: airlock.log, ...handlers }),
  })
  await waitFor(async () => (await listeners(airlock)) === 1, { what: 'the worker to listen' })
  await worker.stop()
  await waitFor(async () => (await listeners(airlock)) === 0, { what: 'the connection to end' })
})
