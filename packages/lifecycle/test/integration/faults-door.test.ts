import { DatabaseUnavailable, UploadNotReceiving } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { dot, largeScene, type Sample, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { accept, discard } from '../../src/index.ts'
import { type Airlock, formOf, test } from '../airlock.ts'
import { Died, Mortal } from '../mortal.ts'

/** The expected end of an upload whose gateway dies at a step. */
const steps = [
  { verb: 'register', when: 'before', becomes: null },
  { verb: 'register', when: 'after', becomes: 'abandoned' },
  { verb: 'receive', when: 'before', becomes: 'abandoned' },
  { verb: 'receive', when: 'after', becomes: 'abandoned' },
  { verb: 'accept', when: 'before', becomes: 'abandoned' },
  { verb: 'accept', when: 'after', becomes: 'completed' },
  { verb: 'enqueue', when: 'before', becomes: 'completed' },
  { verb: 'enqueue', when: 'after', becomes: 'completed' },
] as const

/** The steps of a gateway for one file, on servers that fail after its death. */
async function comesIn(airlock: Airlock, sample: Sample, mortal: Mortal): Promise<void> {
  const uploads = mortal.holds(airlock.uploads)
  const file = await airlock.receives(sample, { deps: { uploads, store: mortal.holds(airlock.store) } })
  await accept([file], formOf(sample), { uploads, jobQueue: mortal.holds(airlock.world.jobQueue), log: airlock.log })
}

/** Simulates time, runs the sweeper, and runs workers for enqueued jobs. Objects are young, so only the rule of their upload removes them. */
async function timePasses(airlock: Airlock): Promise<void> {
  for (const row of await airlock.rows()) await airlock.ages(row, 7200)
  await airlock.sweeps({ callSeconds: 3600 })
  const enqueued = [...(await airlock.enqueuedIds('images')), ...(await airlock.enqueuedIds('videos'))]
  for (const { id } of await airlock.rows()) if (enqueued.includes(id)) await airlock.worker().process({ id })
}

for (const sample of [dot, largeScene()]) {
  test.for(steps)(
    `${sample.filename}, whose gateway dies $when $verb, has the expected end`,
    { meta: { id: 'gateway-dies-at-any-step' } },
    async ({ verb, when, becomes }, { airlock, expect }) => {
      const mortal = new Mortal({ verb, when })
      // a failure to enqueue is only logged, so the gateway responds and dies later
      await comesIn(airlock, sample, mortal).catch((error: unknown) => {
        if (!(error instanceof Died)) throw error
      })
      expect(mortal.died).toBe(true)

      await timePasses(airlock)

      const rows = await airlock.rows()
      expect(rows.map(({ state }) => state)).toEqual(becomes === null ? [] : [becomes])
      expect(await airlock.quarantine()).toEqual([])
      expect(await airlock.finalObjects()).toEqual(becomes === 'completed' ? rows.map(({ finalKey }) => finalKey) : [])
    },
  )
}

test('a registration whose response is lost is abandoned by the sweeper, and does not count', {
  meta: { id: 'registration-answer-lost' },
}, async ({ airlock }) => {
  const register: Airlock['uploads']['register'] = async (...args) => {
    await airlock.uploads.register(...args)
    throw new DatabaseUnavailable('the answer got lost')
  }
  await expect(airlock.receives(dot, { deps: { uploads: { ...airlock.uploads, register } } })).rejects.toBeInstanceOf(DatabaseUnavailable)

  await timePasses(airlock)

  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', counted: false }])
})

test('an acceptance whose response is lost is not reverted: its file becomes an asset', {
  meta: { id: 'acceptance-answer-lost' },
}, async ({ airlock }) => {
  const file = await airlock.receives(samples.photo)
  const uploads: Pick<Airlock['uploads'], 'accept'> = {
    accept: async (...args) => {
      await airlock.uploads.accept(...args)
      throw new DatabaseUnavailable('the answer got lost')
    },
  }
  const deps = { uploads, jobQueue: airlock.world.jobQueue, log: airlock.log }
  await expect(accept([file], formOf(samples.photo), deps)).rejects.toBeInstanceOf(DatabaseUnavailable)
  // as after a failed form
  await discard(
    file,
    refusal('database_unavailable', {}),
    { giveBack: true },
    { ...airlock, uploads: airlock.uploads, store: airlock.store },
  )

  await timePasses(airlock)

  expect(await airlock.rows()).toMatchObject([{ state: 'completed' }])
  expect(await airlock.quarantine()).toEqual([])
})

test('a request with an Idempotency-Key whose acceptance response was lost gets its first response when it is repeated', {
  meta: { id: 'idempotent-acceptance-answer-lost' },
}, async ({ airlock, world }) => {
  const request = { userId: airlock.userId, key: 'a key', leaseSeconds: 30, keepHours: 24 }
  const { idempotency } = world.database
  const beginning = await idempotency.begin(request)
  if (beginning.outcome !== 'mine') throw new Error(beginning.outcome)
  const file = await airlock.receives(dot)
  const uploads: Pick<Airlock['uploads'], 'accept'> = {
    accept: async (...args) => {
      await airlock.uploads.accept(...args)
      throw new DatabaseUnavailable('the answer got lost')
    },
  }
  const repeatable = { token: beginning.token, fingerprint: 'a print', answer: () => ({ uploads: [file.uploadId] }) }
  const deps = { uploads, jobQueue: airlock.world.jobQueue, log: airlock.log }
  await expect(accept([file], { ...formOf(dot), idempotency: repeatable }, deps)).rejects.toBeInstanceOf(DatabaseUnavailable)
  expect(await idempotency.release(beginning.token)).toBe(false) // as after a failed request

  expect(await idempotency.begin(request)).toEqual({ outcome: 'done', fingerprint: 'a print', answer: { uploads: [file.uploadId] } })
  await timePasses(airlock)
  expect(await airlock.rows()).toMatchObject([{ state: 'completed' }])
})

test('a gateway that was paused until its file was abandoned accepts nothing, and leaves no object', {
  meta: { id: 'paused-gateway-accepts-nothing' },
}, async ({ airlock }) => {
  const file = await airlock.receives(dot)
  await timePasses(airlock)

  const accepting = accept([file], formOf(dot), { uploads: airlock.uploads, jobQueue: airlock.world.jobQueue, log: airlock.log })

  await expect(accepting).rejects.toThrow(UploadNotReceiving)
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned' }])
  expect(await airlock.quarantine()).toEqual([])
})
