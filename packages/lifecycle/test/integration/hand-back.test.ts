import { DatabaseUnavailable } from '@airlock/database'
import { openAt } from '@airlock/testkit/airlock'
import { expect } from 'vitest'
import { handBack } from '../../src/index.ts'
import { type Airlock, samples, test } from '../airlock.ts'

const depsOf = ({ uploads, store, log }: Airlock) => ({ uploads, store, log })

test('handing back does not reduce the attempts before an upload is parked', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  for (let i = 0; i < 5; i++) expect(await handBack(await airlock.claims(upload), depsOf(airlock))).toBe('handed_back')
  expect(await airlock.of(upload)).toMatchObject({ state: 'received', attempt: 5, lastFault: null, failingSince: null })

  const worker = airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 2 })
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })
})

test("a worker that lost its claim can't hand back", async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  await airlock.leaseExpires(upload)
  await airlock.claims(upload)
  const before = await airlock.of(upload)

  expect(await handBack(claim, depsOf(airlock))).toBe('lost')

  expect(await airlock.of(upload)).toEqual(before)
})

test('an upload that ends while its worker stops leaves nothing in quarantine', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  await airlock.store.copyToFinal(claim.quarantineKey, claim.finalKey, {
    ifEtag: claim.etag,
    sizeBytes: claim.sizeBytes,
    headers: {
      contentType: 'image/jpeg',
      cacheControl: 'no-cache',
      metadata: { upload_id: upload.id, content_hash: claim.contentHash ?? '' },
    },
  })
  await airlock.world.database.uploads.complete(claim, { mediaType: 'image/jpeg', facts: {} })

  expect(await handBack(claim, depsOf(airlock))).toBe('lost')

  expect(await airlock.stateOf(upload)).toBe('completed')
  expect(await airlock.quarantine()).toEqual([])
})

test('while Postgres is unavailable nothing is handed back: the row keeps its lease, and is enqueued when it expires', async ({
  airlock,
  world,
}) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.forgetsJobs('images')
  const closed = await openAt(world.databaseUrl)
  await closed.close()

  const given = handBack(await airlock.claims(upload), { ...depsOf(airlock), uploads: closed.uploads })
  await expect(given).rejects.toBeInstanceOf(DatabaseUnavailable)

  expect(await airlock.stateOf(upload)).toBe('processing')
  await airlock.leaseExpires(upload)
  expect(await airlock.sweeps()).toMatchObject({ lapsed: 1 })
})
