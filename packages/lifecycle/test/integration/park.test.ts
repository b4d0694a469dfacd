import { type Claim, DatabaseUnavailable } from '@airlock/database'
import { InspectionFailed, refusal } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, StoreUnavailable } from '@airlock/storage'
import { openAt } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { isLastInspection, release, retryParked, settleFault } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'

const ada = { operator: 'ada', reason: 'the store lost it', requestId: null }

const depsOf = ({ uploads, store, log }: Airlock) => ({ uploads, store, log, random: () => 1 })

/** Parks at the failure of this attempt; the next one is due after `retryInMs`. */
const retryOf = (minAttempts: number, retryInMs = 0) => ({ minAttempts, retryForSeconds: 0, firstMs: retryInMs, maxMs: retryInMs })

test('an attempt that fails because of a server is followed by another, and only operators see the fault', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  const fault = new StoreUnavailable('SlowDown (503)', upload.quarantineKey)

  expect(await settleFault(claim, fault, retryOf(2), depsOf(airlock))).toMatchObject({ ended: 'retry' })

  expect(await airlock.of(upload)).toMatchObject({
    state: 'received',
    attempt: 1,
    refusal: null,
    leaseUntil: null,
    lastFault: 'StoreUnavailable: SlowDown (503)',
  })
  expect(airlock.log.withMessage('attempt failed, upload will be retried')).toMatchObject([
    { uploadId: upload.id, attempt: 1, step: 'release' },
  ])
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})

test('the last attempt parks the upload: only operators see internals, and the bytes are kept', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const broken = async () => Promise.reject(new Error('EIO: /var/lib/scratch'))
  const worker = airlock.worker({ inspect: broken, maxAttempts: 3 })

  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })

  const row = await airlock.of(upload)
  expect(row).toMatchObject({
    state: 'parked',
    attempt: 3,
    refusal: { code: 'processing_failed' },
    lastFault: 'Error: EIO: /var/lib/scratch',
  })
  expect(row.refusal?.detail).not.toContain('EIO')
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
  expect(airlock.log.lines.filter(({ level }) => level === 'error')).toMatchObject([{ message: 'upload parked, an operator must decide' }])
})

const outOfTime = () => new InspectionFailed('took longer than 60 s')
const crashed = (alone: boolean) => new InspectionFailed('ended with SIGSEGV', { fault: { kind: 'crash' }, alone })

test('a file whose inspection fails three times in a row because of the machine is parked, and its owner sees why', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const worker = airlock.worker({ inspect: async () => Promise.reject(outOfTime()), maxAttempts: 8 })

  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await airlock.of(upload)).toMatchObject({ failedInspections: 1, lastFault: 'InspectionFailed: took longer than 60 s' })
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })
  expect(await airlock.of(upload)).toMatchObject({
    state: 'parked',
    attempt: 3,
    refusal: { code: 'inspection_failed' },
    lastFault: 'InspectionFailed: took longer than 60 s',
  })
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
})

test.for([
  { fault: { kind: 'crash' }, detail: 'it crashed the inspecting process' },
  { fault: { kind: 'cpu_time', limitSeconds: 20 }, detail: 'more than 20 s of CPU time' },
  { fault: { kind: 'memory', limitMiB: 1024 }, detail: 'more than 1024 MiB of memory' },
] as const)(
  'a file that fails with $fault.kind is rejected by its last attempt, which runs alone, and not before',
  async ({ fault, detail }, { airlock, expect }) => {
    const upload = await airlock.accepts(samples.photo)
    const alone: boolean[] = []
    const inspect = async (_source: unknown, claim: Claim) => {
      alone.push(isLastInspection(claim))
      throw new InspectionFailed('no verdict', { fault, alone: isLastInspection(claim) })
    }
    const worker = airlock.worker({ inspect, maxAttempts: 8 })

    expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
    expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
    expect(await worker.process(upload)).toMatchObject({ ended: 'rejected' })
    expect(alone).toEqual([false, false, true])
    expect(await airlock.of(upload)).toMatchObject({
      state: 'rejected',
      attempt: 3,
      refusal: { code: 'file_too_complex', detail: expect.stringContaining(detail) },
    })
    expect(await airlock.quarantine()).toEqual([])
  },
)

test('a file that was never inspected alone is not rejected, however often it failed', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const worker = airlock.worker({ inspect: async () => Promise.reject(crashed(false)), maxAttempts: 8 })

  await worker.process(upload)
  await worker.process(upload)
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })
})

test('a file whose inspection alone fails because of the machine is parked', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const killed = new InspectionFailed('ended with SIGKILL', { fault: { kind: 'machine' }, alone: true })
  const faults = [crashed(false), crashed(false), killed]
  const worker = airlock.worker({ inspect: async () => Promise.reject(faults.shift()), maxAttempts: 8 })

  await worker.process(upload)
  await worker.process(upload)
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })
  expect(await airlock.of(upload)).toMatchObject({ refusal: { code: 'inspection_failed' } })
})

test('a server failure between two crashes does not count towards the three attempts', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const faults = [outOfTime(), outOfTime(), new StoreUnavailable('SlowDown (503)', upload.quarantineKey), outOfTime()]
  const worker = airlock.worker({ inspect: async () => Promise.reject(faults.shift()), maxAttempts: 8 })

  for (let i = 0; i < 4; i++) expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await airlock.of(upload)).toMatchObject({ failedInspections: 1 })
})

test('a retry of parked uploads resets every fault, so that they have all their attempts', {
  meta: { id: 'bulk-retry-of-parked' },
}, async ({ airlock, world }) => {
  const [unread, spoilt, gone] = [
    await airlock.accepts(samples.photo),
    await airlock.accepts(samples.logo),
    await airlock.accepts(samples.photo),
  ]
  const failing = (cause: Error) => airlock.worker({ inspect: async () => Promise.reject(cause), maxAttempts: 3 })
  const crashing = failing(outOfTime())
  const spoiling = failing(new StoreUnavailable('SlowDown (503)', spoilt.quarantineKey))
  for (let tries = 0; tries < 3; tries++) {
    await crashing.process(unread)
    await spoiling.process(spoilt)
  }
  await failing(new ObjectMissing('GetObject', gone.quarantineKey)).process(gone)
  expect([await airlock.stateOf(unread), await airlock.stateOf(spoilt), await airlock.stateOf(gone)]).toEqual([
    'parked',
    'parked',
    'parked',
  ])

  const deps = { ...depsOf(airlock), jobQueue: world.jobQueue }
  for (const upload of [unread, spoilt]) expect(await retryParked(await airlock.of(upload), ada, deps)).toBe(true)

  expect([await airlock.stateOf(unread), await airlock.stateOf(spoilt), await airlock.stateOf(gone)]).toEqual([
    'received',
    'received',
    'parked',
  ])
  const patient = airlock.worker({ inspect: async () => Promise.reject(outOfTime()), maxAttempts: 8 })
  expect(await patient.process(unread)).toMatchObject({ ended: 'retry' })
  expect(await airlock.of(unread)).toMatchObject({ failedInspections: 1 })
  expect(await airlock.worker().process(unread)).toMatchObject({ ended: 'completed' })
  expect(await airlock.worker().process(spoilt)).toMatchObject({ ended: 'completed' })
})

const losses = [
  { what: 'replaced', Lost: ObjectChanged },
  { what: 'gone', Lost: ObjectMissing },
]

test.for(losses)('an upload whose bytes are $what is parked at its first attempt', async ({ Lost }, { airlock, expect }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  const fault = new Lost('GetObject', upload.quarantineKey)
  expect(await settleFault(claim, fault, retryOf(8), depsOf(airlock))).toMatchObject({ ended: 'parked' })
  expect(await airlock.of(upload)).toMatchObject({ state: 'parked', attempt: 1, refusal: { code: 'upload_vanished' } })
})

test.for([1, 8])(
  'an attempt that lost its claim changes nothing, even as attempt %i',
  { meta: { id: 'overtaken-attempt-settles-nothing' } },
  async (maxAttempts, { airlock, expect }) => {
    const upload = await airlock.accepts(samples.photo)
    const claim = await airlock.claims(upload)
    const fault = new Error('late')
    await airlock.leaseExpires(upload)
    await airlock.claims(upload)
    const before = await airlock.of(upload)

    expect(await settleFault(claim, fault, retryOf(maxAttempts), depsOf(airlock))).toEqual({ ended: 'lost' })

    expect(await airlock.of(upload)).toEqual(before)
  },
)

test('while Postgres is unavailable nothing changes: the row keeps its lease, and is enqueued when it expires', {
  meta: { id: 'settle-database-unavailable' },
}, async ({ airlock, world }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.forgetsJobs('images')
  const closed = await openAt(world.databaseUrl)
  await closed.close()
  const claim = await airlock.claims(upload)
  const fault = new Error('late')

  await expect(settleFault(claim, fault, retryOf(8), { ...depsOf(airlock), uploads: closed.uploads })).rejects.toBeInstanceOf(
    DatabaseUnavailable,
  )

  expect(await airlock.stateOf(upload)).toBe('processing')
  await airlock.leaseExpires(upload)
  expect(await airlock.sweeps()).toMatchObject({ lapsed: 1 })
  expect(await airlock.enqueuedIds('images')).toEqual([upload.id])
})

const aDay = 24 * 3600

/** Backdates the first failure of an upload, by a second more: the stored time may be rounded up, and tests run fast. */
const failsSince = ({ world }: Airlock, { id }: { id: string }, seconds: number) =>
  world.sql.query('update uploads set failing_since = failing_since - make_interval(secs => $2 + 1) where id = $1', [id, seconds])

test('an upload is parked after it has failed for a day, and not before', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const broken = async () => Promise.reject(new StoreUnavailable('SlowDown (503)', upload.quarantineKey))
  const worker = airlock.worker({ inspect: broken, maxAttempts: 2, retryForSeconds: aDay })

  for (let tries = 0; tries < 10; tries++) expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  await failsSince(airlock, upload, aDay - 60)
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  await failsSince(airlock, upload, 60)
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })

  expect(await airlock.of(upload)).toMatchObject({ state: 'parked', attempt: 12, nextAttemptAt: null })
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
})

test('an upload is not parked by time alone: it has its attempts even after days without workers', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const worker = airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 3, retryForSeconds: aDay })
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  await failsSince(airlock, upload, 10 * aDay)
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })
})

test('an upload that an operator retries has another day', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const worker = airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1, retryForSeconds: aDay })
  await worker.process(upload)
  await failsSince(airlock, upload, aDay)
  expect(await worker.process(upload)).toMatchObject({ ended: 'parked' })

  await airlock.uploads.retryParked(upload.id)

  expect(await airlock.of(upload)).toMatchObject({ state: 'received', failingSince: null })
  expect(await worker.process(upload)).toMatchObject({ ended: 'retry' })
})

test('the delay of a retry survives a loss of Redis data: the sweeper enqueues it no earlier', async ({ airlock, world }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  const fault = new Error('broken')
  await settleFault(claim, fault, retryOf(8, 300_000), depsOf(airlock))
  await airlock.forgetsJobs('images')
  await airlock.ages(upload, 200)
  const waits = (((await airlock.of(upload)).nextAttemptAt?.getTime() ?? 0) - Date.now()) / 1000
  expect(waits).toBeGreaterThan(290)
  expect(waits).toBeLessThanOrEqual(301)
  expect(await airlock.sweeps()).toMatchObject({ waiting: 0 })

  await world.sql.query(`update uploads set next_attempt_at = now() - interval '1 ms' where id = $1`, [upload.id])
  expect(await airlock.sweeps()).toMatchObject({ waiting: 1 })
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})

test('a parked upload that an operator releases is rejected, its bytes are purged, and the operator is logged', async ({
  airlock,
  world,
}) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 }).process(upload)
  const deps = { ...depsOf(airlock), jobQueue: world.jobQueue }

  expect(await release(await airlock.of(upload), ada, deps)).toBe('released')

  expect(await airlock.of(upload)).toMatchObject({ state: 'rejected', refusal: refusal('upload_released', upload) })
  expect((await world.sql.query('select key from purges where upload_id = $1 order by key', [upload.id])).rows).toEqual([
    { key: upload.finalKey },
    { key: upload.quarantineKey },
  ])
  expect((await world.sql.query('select type from events where upload_id = $1 order by sequence', [upload.id])).rows).toEqual([
    { type: 'upload.parked' },
    { type: 'upload.rejected' },
  ])
  expect(await release(await airlock.of(upload), ada, deps)).toBe('not_parked')
  expect(await world.database.opsLog.ofUpload(upload.id, { limit: 10 })).toMatchObject([
    { ...ada, action: 'release', details: { from: 'parked', code: 'processing_failed' } },
  ])
  airlock.leavesBehind('its purge is due later')
})
