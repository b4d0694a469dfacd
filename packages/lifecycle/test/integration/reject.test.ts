import { ClaimLost } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { StoreUnavailable } from '@airlock/storage'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { reject } from '../../src/index.ts'
import { test } from '../airlock.ts'

test('a damaged picture is rejected at its first attempt with a reason, and the quarantine is empty', async ({ airlock, world }) => {
  const upload = await airlock.accepts(samples.brokenPhoto)

  const run = await airlock.worker().process(upload)

  const row = await airlock.of(upload)
  expect(run).toEqual({ ended: 'rejected', refusal: row.refusal })
  expect(row).toMatchObject({ state: 'rejected', attempt: 1, counted: true, refusal: { code: 'file_corrupt' } })
  expect(row.refusal?.detail).toContain(samples.brokenPhoto.filename)
  expect(await world.bucket.keys()).toEqual([])
  expect(await airlock.assetsOf(upload)).toEqual([])
  expect(airlock.log.withMessage('upload rejected')).toMatchObject([{ uploadId: upload.id, code: 'file_corrupt', step: 'reject' }])
})

test("a worker that lost its claim can't reject, and removes no bytes", { meta: { id: 'overtaken-worker-cannot-reject' } }, async ({
  airlock,
}) => {
  const upload = await airlock.accepts(samples.photo)
  const overtaken = await airlock.claims(upload)
  await airlock.leaseExpires(upload)
  await airlock.claims(upload)
  const rejecting = reject(overtaken, refusal('empty_file', upload), { uploads: airlock.uploads, store: airlock.store, log: airlock.log })
  await expect(rejecting).rejects.toBeInstanceOf(ClaimLost)
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
})

test("a rejection counts even if the quarantine can't be emptied yet, and the next run empties it", async ({ airlock }) => {
  const upload = await airlock.accepts(samples.brokenPhoto)
  const store = { ...airlock.store, purge: async () => Promise.reject(new StoreUnavailable('SlowDown', upload.quarantineKey)) }

  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'rejected' })
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])

  await airlock.worker().process(upload)
  expect(await airlock.quarantine()).toEqual([])
})
