import { openAt } from '@airlock/testkit/airlock'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { discard } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'

const why = { code: 'form_malformed', error: 'Form is malformed', detail: 'The form ends too early.' } as const
const depsOf = (airlock: Airlock) => ({ uploads: airlock.uploads, store: airlock.store, counter: airlock.counter, log: airlock.log })

test('a file of an invalid form is removed from quarantine, its row has the reason, and it counts', async ({ airlock }) => {
  const file = await airlock.receives(samples.photo)

  await discard(file, why, { giveBack: false }, depsOf(airlock))

  expect(await airlock.quarantine()).toEqual([])
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: why, counted: true }])
  expect(airlock.counter.calls).toEqual([])
  expect(airlock.log.withMessage('file refused')).toMatchObject([{ uploadId: file.uploadId, code: 'form_malformed' }])
})

test('a file that is discarded because of us is refunded in the gateway and in Postgres', async ({ airlock }) => {
  const file = await airlock.receives(dot, { filesPerHour: 1 })
  await discard(file, why, { giveBack: true }, depsOf(airlock))
  expect(airlock.counter.calls).toEqual([`given back ${airlock.userId}`])
  expect(await airlock.accepts(dot, { filesPerHour: 1 })).toMatchObject({ state: 'received' })
})

test('an accepted file is never discarded', { meta: { id: 'accepted-file-not-discarded' } }, async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const file = { ...upload, uploadId: upload.id, mediaType: 'image/jpeg', sizeBytes: 1, contentHash: '', etag: '' } as const

  await discard(file, why, { giveBack: false }, depsOf(airlock))

  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})

test('while the database is unavailable nothing is discarded, because the file may be accepted', {
  meta: { id: 'discard-database-unavailable' },
}, async ({ airlock, world }) => {
  const closed = await openAt(world.databaseUrl)
  await closed.close()
  const file = await airlock.receives(dot)

  await discard(file, why, { giveBack: false }, { ...depsOf(airlock), uploads: closed.uploads })

  expect(await airlock.quarantine()).toEqual([file.quarantineKey])
  expect(airlock.log.withMessage('upload not discarded, the sweeper retries')).toHaveLength(1)
  await airlock.ages({ id: file.uploadId }, 3601)
  expect(await airlock.sweeps()).toMatchObject({ stale: 1 })
})

test('while the store is unavailable a file is abandoned without an error', async ({ airlock, world }) => {
  const nowhere = world.storeWith({ endpoint: 'http://127.0.0.1:1', callTimeoutMs: 500 })
  const file = await airlock.receives(dot)
  await discard(file, why, { giveBack: false }, { ...depsOf(airlock), store: nowhere })
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned' }])
  expect(airlock.log.withMessage('upload not discarded, the sweeper retries')).toHaveLength(1)
  airlock.leavesBehind('the object of an abandoned upload')
})
