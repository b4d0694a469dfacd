import { refusal } from '@airlock/domain'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type PurgeDeps, type PurgeReport, purge } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'

const purges = (airlock: Airlock, deps: Partial<PurgeDeps> = {}): Promise<PurgeReport> =>
  purge(
    { againInSeconds: 30, leaseSeconds: 60 },
    { purges: airlock.world.database.purges, uploads: airlock.uploads, store: airlock.store, log: airlock.log, ...deps },
  )

/** Runs due purges, including the second ones. */
async function purgesToTheEnd(airlock: Airlock): Promise<void> {
  await purges(airlock)
  await airlock.world.sql.query(`update purges set due_at = now() - interval '1 ms'`)
  await purges(airlock)
}

const cancels = (airlock: Airlock, upload: { id: string; filename: string }) =>
  airlock.uploads.cancel(upload.id, refusal('cancelled', upload))

test.beforeEach(async ({ world }) => {
  await world.sql.query('truncate purges')
})

test('an upload that is cancelled after Redis lost its job leaves nothing in quarantine', {
  meta: { id: 'cancel-redis-flushed' },
}, async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  await airlock.forgetsJobs('images')

  await cancels(airlock, upload)
  await purgesToTheEnd(airlock)

  expect(await world.bucket.keys()).toEqual([])
  expect((await world.sql.query('select key from purges')).rows).toEqual([])
  expect(airlock.log.lines.filter(({ message }) => message.includes('not ours'))).toEqual([])
})

test('bytes that are written late to the quarantine of a cancelled upload are removed by the second removal', {
  meta: { id: 'late-write-to-cancelled-key' },
}, async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  await cancels(airlock, upload)
  await purges(airlock)
  await airlock.replaces(upload, samples.logo.bytes)
  expect(await airlock.quarantine()).toHaveLength(1)

  await purgesToTheEnd(airlock)

  expect(await world.bucket.keys()).toEqual([])
})
