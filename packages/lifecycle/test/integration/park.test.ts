import { DatabaseUnavailable } from '@airlock/database'
import { InspectionFailed } from '@airlock/domain'
import { ObjectChanged, ObjectMissing, StoreUnavailable } from '@airlock/storage'
import { expect } from 'vitest'
import { AttemptFailed, settleFailedAttempt } from '../../src/index.ts'
import { type Airlock, test } from '../airlock.ts'
import { samples } from '../samples.ts'
import { openAt } from '../world.ts'

const optionsOf = ({ uploads, store, log }: Airlock, maxAttempts: number) => ({ uploads, store, log, maxAttempts })

test('an attempt that a broken server spoilt leaves the upload for another, with the fault for operators only', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const failed = new AttemptFailed(await airlock.claims(upload), new StoreUnavailable('SlowDown (503)', upload.quarantineKey))

  expect(await settleFailedAttempt(failed, optionsOf(airlock, 2))).toBe('released')

  expect(await airlock.of(upload)).toMatchObject({
    state: 'received',
    attempt: 1,
    refusal: null,
    leaseUntil: null,
    lastFault: 'StoreUnavailable: SlowDown (503)',
  })
  expect(airlock.log.saying('attempt failed, upload waits for another')).toMatchObject([
    { uploadId: upload.id, attempt: 1, step: 'release' },
  ])
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})

test('the last attempt parks: its owner is told no insides, operators are, and the bytes are kept', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const broken = async () => Promise.reject(new Error('EIO: /var/lib/scratch'))
  const worker = airlock.worker({ inspect: broken, maxAttempts: 3 })

  expect(await worker.process(upload)).toEqual({ ended: 'released' })
  expect(await worker.process(upload)).toEqual({ ended: 'released' })
  expect(await worker.process(upload)).toEqual({ ended: 'parked' })

  const row = await airlock.of(upload)
  expect(row).toMatchObject({
    state: 'parked',
    attempt: 3,
    refusal: { code: 'processing_failed' },
    lastFault: 'Error: EIO: /var/lib/scratch',
  })
  expect(row.refusal?.detail).not.toContain('EIO')
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
  expect(airlock.log.lines.filter(({ level }) => level === 'error')).toMatchObject([{ message: 'upload parked: an operator must look' }])
})

test('a file that takes its inspector down is parked at its third try in a row, and its owner is told so', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const crash = async () => Promise.reject(new InspectionFailed('ended with SIGSEGV'))
  const worker = airlock.worker({ inspect: crash, maxAttempts: 8 })

  expect(await worker.process(upload)).toEqual({ ended: 'released' })
  expect((await airlock.of(upload)).lastFault).toBe('inspection failed 1×: ended with SIGSEGV')
  expect(await worker.process(upload)).toEqual({ ended: 'released' })
  expect(await worker.process(upload)).toEqual({ ended: 'parked' })
  expect(await airlock.of(upload)).toMatchObject({
    state: 'parked',
    attempt: 3,
    refusal: { code: 'inspection_failed' },
    lastFault: 'inspection failed 3×: ended with SIGSEGV',
  })
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])
})

test('a broken server between two crashes costs a file none of its three tries', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const faults = [
    new InspectionFailed('took longer than 30 s'),
    new InspectionFailed('took longer than 30 s'),
    new StoreUnavailable('SlowDown (503)', upload.quarantineKey),
    new InspectionFailed('took longer than 30 s'),
  ]
  const worker = airlock.worker({ inspect: async () => Promise.reject(faults.shift()), maxAttempts: 8 })

  for (let i = 0; i < 4; i++) expect(await worker.process(upload)).toEqual({ ended: 'released' })
  expect((await airlock.of(upload)).lastFault).toBe('inspection failed 1×: took longer than 30 s')
})

const losses = [
  { what: 'replaced', Lost: ObjectChanged },
  { what: 'gone', Lost: ObjectMissing },
]

test.for(losses)('an upload whose bytes are $what is parked at its first attempt', async ({ Lost }, { airlock, expect }) => {
  const upload = await airlock.accepts(samples.photo)
  const failed = new AttemptFailed(await airlock.claims(upload), new Lost('GetObject', upload.quarantineKey))
  expect(await settleFailedAttempt(failed, optionsOf(airlock, 8))).toBe('parked')
  expect(await airlock.of(upload)).toMatchObject({ state: 'parked', attempt: 1, refusal: { code: 'upload_vanished' } })
})

test.for([1, 8])('an attempt that was overtaken settles nothing, be it one of %i', async (maxAttempts, { airlock, expect }) => {
  const upload = await airlock.accepts(samples.photo)
  const failed = new AttemptFailed(await airlock.claims(upload), new Error('late'))
  await airlock.leaseRunsOut(upload)
  await airlock.claims(upload)
  const before = await airlock.of(upload)

  expect(await settleFailedAttempt(failed, optionsOf(airlock, maxAttempts))).toBe('lost')

  expect(await airlock.of(upload)).toEqual(before)
})

test('while Postgres is away nothing is settled: the row keeps its lease, and is rung for when that has run out', async ({
  airlock,
  world,
}) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.forgetsJobs('images')
  const closed = await openAt(world.databaseUrl)
  await closed.close()
  const failed = new AttemptFailed(await airlock.claims(upload), new Error('late'))

  await expect(settleFailedAttempt(failed, { ...optionsOf(airlock, 8), uploads: closed.uploads })).rejects.toBeInstanceOf(
    DatabaseUnavailable,
  )

  expect(await airlock.stateOf(upload)).toBe('processing')
  await airlock.leaseRunsOut(upload)
  expect(await airlock.sweeps()).toMatchObject({ lapsed: 1 })
  expect(await airlock.rungFor('images')).toEqual([upload.id])
})
