import { refusal } from '@airlock/domain'
import type { ObjectStore } from '@airlock/storage'
import { expect } from 'vitest'
import { type PurgeDeps, type PurgeReport, purge } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'
import { dot, largeScene, samples } from '../samples.ts'

const purges = (airlock: Airlock, deps: Partial<PurgeDeps> = {}): Promise<PurgeReport> =>
  purge(
    { againInSeconds: 30, leaseSeconds: 60 },
    { purges: airlock.world.database.purges, uploads: airlock.uploads, store: airlock.store, log: airlock.log, ...deps },
  )

/** Removes what is due, as often as the longest call to the store asks for. */
async function purgesToTheEnd(airlock: Airlock): Promise<void> {
  await purges(airlock)
  await airlock.world.sql.query(`update purges set due_at = now() - interval '1 ms'`)
  await purges(airlock)
}

const cancels = (airlock: Airlock, upload: { id: string; filename: string }) =>
  airlock.uploads.cancel(upload.id, refusal('cancelled', upload))

/** The same store, whose copies wait right before or after they are made until `open` is called; `reached` tells that one waits. */
function gated(store: ObjectStore, when: 'before' | 'after') {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const wait = () => {
    reached.resolve()
    return opened.promise
  }
  const copyToFinal: ObjectStore['copyToFinal'] = async (...args) => {
    if (when === 'before') await wait()
    const answer = await store.copyToFinal(...args)
    if (when === 'after') await wait()
    return answer
  }
  return { store: { ...store, copyToFinal }, reached: reached.promise, open: () => opened.resolve() }
}

test.beforeEach(async ({ world }) => {
  await world.sql.query('truncate purges')
})

test('an upload that is cancelled while Redis has forgotten its job leaves nothing in quarantine', async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  await airlock.forgetsJobs('images')

  await cancels(airlock, upload)
  await purgesToTheEnd(airlock)

  expect(await world.bucket.keys()).toEqual([])
  expect((await world.sql.query('select key from purges')).rows).toEqual([])
  expect(airlock.log.lines.filter(({ message }) => message.includes('not ours'))).toEqual([])
})

test('what was written late under the quarantine key of a cancelled upload goes with the second removal', async ({ airlock, world }) => {
  const upload = await airlock.accepts(dot)
  await cancels(airlock, upload)
  await purges(airlock)
  await airlock.replaces(upload, samples.logo.bytes)
  expect(await airlock.quarantine()).toHaveLength(1)

  await purgesToTheEnd(airlock)

  expect(await world.bucket.keys()).toEqual([])
})

for (const [sample, size] of [
  [() => dot, 'small'],
  [() => largeScene(), 'large'],
] as const) {
  for (const when of ['before', 'after'] as const) {
    test(`an upload that is cancelled right ${when} its worker's copy (${size}) stays unreachable, and its copy goes`, async ({
      airlock,
      world,
    }) => {
      const upload = await airlock.accepts(sample())
      const gate = gated(airlock.store, when)
      const run = airlock.worker({ store: gate.store }).process(upload)
      await gate.reached

      expect(await cancels(airlock, upload)).toMatchObject({ cancelled: true })
      await purges(airlock) // before the copy has come to its end
      gate.open()
      expect((await run).ended).toBe('lost')

      expect(await airlock.assetsOf(upload)).toEqual([])
      expect(await airlock.stateOf(upload)).toBe('rejected')
      await purgesToTheEnd(airlock)
      expect(await world.bucket.keys()).toEqual([])
    })
  }
}
