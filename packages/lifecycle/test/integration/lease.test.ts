import { randomUUID } from 'node:crypto'
import { DatabaseUnavailable } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Inspect, LeaseLost } from '../../src/index.ts'
import { type Airlock, realInspect, test } from '../airlock.ts'

/** An inspection that runs until the test ends it, or its signal fires. */
function longInspection() {
  const begun = Promise.withResolvers<void>()
  const mayEnd = Promise.withResolvers<void>()
  let stoppedBy: unknown
  const inspect: Inspect = async (source, claim, signal) => {
    begun.resolve()
    signal.addEventListener('abort', () => (stoppedBy = signal.reason), { once: true })
    const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
    await Promise.race([mayEnd.promise, stopped])
    return realInspect(source, claim, signal)
  }
  return { inspect, begun: begun.promise, end: () => mayEnd.resolve(), stoppedBy: () => stoppedBy }
}

const leaseEnd = async (airlock: Airlock, upload: { id: string }) => (await airlock.of(upload)).leaseUntil?.getTime() ?? 0

test('a worker that takes longer than its lease renews it', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const slow = longInspection()
  const working = airlock.worker({ inspect: slow.inspect, leaseSeconds: 1 }).process(upload)
  await slow.begun
  const firstEnd = await leaseEnd(airlock, upload)

  await waitFor(async () => (await leaseEnd(airlock, upload)) > firstEnd + 1000, { what: 'the lease to be renewed beyond its first end' })
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'leased' })

  slow.end()
  expect(await working).toMatchObject({ ended: 'completed' })
  expect(await airlock.of(upload)).toMatchObject({ attempt: 1, leaseUntil: null })
})

test('a second worker gets the end of the first one’s lease, and changes nothing', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.claims(upload, 60)
  const before = await airlock.of(upload)

  const run = await airlock.worker().process(upload)

  expect(run).toEqual({ ended: 'leased', retryInMs: expect.toSatisfy((ms: number) => ms > 50_000 && ms <= 60_000) })
  expect(await airlock.of(upload)).toEqual(before)
})

test('a worker that lost its claim stops at once, and leaves the upload to the other', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const slow = longInspection()
  const overtaken = airlock.worker({ inspect: slow.inspect, leaseSeconds: 1 }).process(upload)
  await slow.begun
  await waitFor(
    async () => {
      await airlock.leaseExpires(upload)
      const claim = await airlock.uploads.claim(upload.id, { leaseSeconds: 60 })
      return claim.claimed
    },
    { what: 'another worker to take over', everyMs: 5 },
  )

  expect(await overtaken).toEqual({ ended: 'lost' })
  expect(slow.stoppedBy()).toBeInstanceOf(LeaseLost)
  expect(await airlock.of(upload)).toMatchObject({ state: 'processing', attempt: 2 })
  expect(await airlock.finalObjects()).toEqual([])
})

test('a run that lost its claim changes nothing', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const run = airlock.worker({
    inspect: async () => {
      await airlock.leaseExpires(upload)
      await airlock.claims(upload)
      throw new Error('the disk is full')
    },
  })
  expect(await run.process(upload)).toEqual({ ended: 'lost' })
  expect(await airlock.of(upload)).toMatchObject({ state: 'processing', attempt: 2, lastFault: null })
  expect(airlock.log.withMessage('another attempt owns the upload')).toHaveLength(1)
})

test('a failed renewal is logged, and the next one succeeds', { meta: { id: 'lease-renewal-missed' } }, async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const slow = longInspection()
  let missed = 0
  const uploads = {
    ...airlock.uploads,
    renewLease: async (...args: Parameters<typeof airlock.uploads.renewLease>) => {
      if (missed++ === 0) throw new DatabaseUnavailable('Postgres is restarting')
      return airlock.uploads.renewLease(...args)
    },
  }
  const working = airlock.worker({ inspect: slow.inspect, leaseSeconds: 1, uploads }).process(upload)
  await slow.begun
  const firstEnd = await leaseEnd(airlock, upload)
  await waitFor(async () => (await leaseEnd(airlock, upload)) > firstEnd, { what: 'a renewal that succeeds' })
  slow.end()

  expect(await working).toMatchObject({ ended: 'completed' })
  expect(airlock.log.withMessage('lease not renewed')).toMatchObject([{ uploadId: upload.id, attempt: 1 }])
})

test('a job whose lock was lost stops, and hands the upload back', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const slow = longInspection()
  const job = new AbortController()
  const working = airlock.worker({ inspect: slow.inspect }).process(upload, job.signal)
  await slow.begun
  job.abort('lock lost')

  expect(await working).toMatchObject({ ended: 'retry' })
  expect(await airlock.of(upload)).toMatchObject({ state: 'received', lastFault: 'lock lost' })
})

test('a job that is cancelled between inspection and promotion promotes nothing', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const job = new AbortController()
  const inspect: Inspect = async (source, claim, signal) => {
    const verdict = await realInspect(source, claim, signal)
    job.abort('lock lost')
    return verdict
  }
  expect(await airlock.worker({ inspect }).process(upload, job.signal)).toMatchObject({ ended: 'retry' })
  expect(await airlock.finalObjects()).toEqual([])
})

test('there is nothing to do for an upload that is unknown, still receiving, or parked', async ({ airlock }) => {
  expect(await airlock.worker().process({ id: randomUUID() })).toEqual({ ended: 'nothing', why: 'unknown' })

  const arriving = await airlock.receives(samples.logo)
  expect(await airlock.worker().process({ id: arriving.uploadId })).toEqual({ ended: 'nothing', why: 'receiving' })
  expect(await airlock.quarantine()).toEqual([arriving.quarantineKey])

  const upload = await airlock.accepts(samples.photo)
  await airlock.uploads.park(await airlock.claims(upload), refusal('processing_failed', upload), 'the disk is full')
  expect(await airlock.worker().process(upload)).toEqual({ ended: 'nothing', why: 'parked' })
  expect(await airlock.quarantine()).toContain(upload.quarantineKey)
  airlock.leavesBehind('a file that is still arriving')
})
