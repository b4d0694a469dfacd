import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { type ByteSource, defaultSizeLimits } from '@airlock/domain'
import { defaultIsolation } from '@airlock/inspection/isolated'
import { waitFor } from '@airlock/testkit'
import type { Servers } from '@airlock/testkit/airlock'
import { samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { test } from '../airlock.ts'

const limits = { maxBytes: defaultSizeLimits, maxPixels: 100_000_000, provenance: defaultIsolation.limits.provenance }

/** Three inspector processes are started one after the other: seconds on an idle machine. */
const patient = { timeout: 180_000 } as const

/** Every inspector process that this file's workers have started. */
const inspectors: ChildProcess[] = []
subscribe('child_process', (message) => {
  inspectors.push((message as { process: ChildProcess }).process)
})
const inspector = (): ChildProcess => {
  const last = inspectors.at(-1)
  if (last === undefined) throw new Error('no inspector was started')
  return last
}

/** A store that calls a function before an inspector gets its first bytes. */
function storeDoing(work: () => unknown, { store }: Servers): Servers['store'] {
  const doing = (source: ByteSource): ByteSource => ({
    ...source,
    read: async (offset, length) => {
      await work()
      return source.read(offset, length)
    },
  })
  return { ...store, source: (...args) => doing(store.source(...args)) }
}

/** Limits of which a valid picture exceeds one. */
const exceeding = {
  'the clock': { ...defaultIsolation, maxSeconds: { ...defaultIsolation.maxSeconds, picture: 0.001 }, limits },
  'CPU time': { ...defaultIsolation, maxCpuSeconds: { ...defaultIsolation.maxCpuSeconds, picture: 0.01 }, limits },
  memory: { ...defaultIsolation, maxMemoryMiB: 20, limits },
}

test('a file whose inspection always times out is parked after three attempts, and other files are processed', {
  ...patient,
  meta: { id: 'inspector-never-finishes' },
}, async ({ airlock }) => {
  airlock.startsWorker({ inspection: exceeding['the clock'] })
  const [picture, video] = [await airlock.accepts(samples.photo), await airlock.accepts(samples.scene)]

  await airlock.comesTo('completed', video)
  expect(await airlock.comesTo('parked', picture)).toMatchObject({
    attempt: 3,
    refusal: { code: 'inspection_failed' },
    lastFault: 'InspectionFailed: took longer than 0.001 s',
  })
  expect(await airlock.quarantine()).toEqual([picture.quarantineKey])
})

test.for([
  { limit: 'memory', detail: 'more than 20 MiB of memory' },
  { limit: 'CPU time', detail: 'more than 0.01 s of CPU time' },
] as const)(
  'a file that exceeds the limit of $limit is rejected after three attempts, without affecting the worker',
  { ...patient, meta: { id: 'inspector-exceeds-limit' } },
  async ({ limit, detail }, { airlock, expect }) => {
    airlock.startsWorker({ inspection: exceeding[limit] })
    const picture = await airlock.accepts(samples.photo)

    expect(await airlock.comesTo('rejected', picture)).toMatchObject({
      attempt: 3,
      refusal: { code: 'file_too_complex', detail: expect.stringContaining(detail) },
    })
    expect(await airlock.quarantine()).toEqual([])
  },
)

test.for([
  { signal: 'SIGSEGV', what: 'a crash of native code', ends: 'rejected', code: 'file_too_complex' },
  { signal: 'SIGKILL', what: 'a machine out of memory', ends: 'parked', code: 'inspection_failed' },
] as const)(
  'a file that ends its inspectors like $what is $ends after three delayed attempts',
  patient,
  async ({ signal, ends, code }, { airlock, servers, expect }) => {
    const dying = storeDoing(() => inspector().kill(signal), servers)
    const retry = { minAttempts: 8, retryForSeconds: 0, firstMs: 20, maxMs: 10_000 }
    airlock.startsWorker({ store: dying, retry, concurrency: 1, lanes: ['images'], inspection: defaultIsolation })
    const picture = await airlock.accepts(samples.photo)

    expect(await airlock.comesTo(ends, picture)).toMatchObject({ attempt: 3, refusal: { code } })
    // eight times the usual delays of 10 to 20 ms and then 20 to 40
    const waits = airlock.log.withMessage('attempt failed, upload will be retried').map(({ retryInMs }) => Number(retryInMs))
    expect(waits.map((ms, i) => ms >= 80 * 2 ** i)).toEqual([true, true])
    expect(await airlock.quarantine()).toEqual(ends === 'parked' ? [picture.quarantineKey] : [])
  },
)

test('two last attempts wait for each other on the queue, and both end', {
  ...patient,
  meta: { id: 'last-attempts-run-one-at-a-time' },
}, async ({ airlock }) => {
  airlock.startsWorker({ inspection: exceeding['CPU time'], concurrency: 4, lanes: ['images'] })
  const pictures = [await airlock.accepts(samples.photo), await airlock.accepts(samples.logo)]

  for (const picture of pictures) {
    expect(await airlock.comesTo('rejected', picture)).toMatchObject({ refusal: { code: 'file_too_complex' } })
  }
})

test('an inspection whose lease is lost ends at once, and the next file is inspected', patient, async ({ airlock, servers }) => {
  const [begun, never] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let held = false
  const store = storeDoing(() => {
    if (held) return
    held = true
    begun.resolve()
    return never.promise
  }, servers)
  const maxSeconds = { ...defaultIsolation.maxSeconds, picture: 600 }
  airlock.startsWorker({
    store,
    leaseSeconds: 3,
    concurrency: 1,
    lanes: ['images'],
    inspection: { ...defaultIsolation, maxSeconds, limits },
  })
  const overtaken = await airlock.accepts(samples.photo)
  await begun.promise
  const reading = inspector()

  try {
    await servers.sql.query(`update uploads set attempt = attempt + 1, lease_until = now() + interval '1 hour' where id = $1`, [
      overtaken.id,
    ])

    await waitFor(() => reading.signalCode === 'SIGKILL', { what: 'the inspector to be killed', timeoutMs: 45_000 })
    await waitFor(() => airlock.log.withMessage('another attempt owns the upload').length === 1, { what: 'the log entry of the worker' })
    await airlock.comesTo('completed', await airlock.accepts(samples.logo))
    expect(await airlock.of(overtaken)).toMatchObject({ state: 'processing', attempt: 2, lastFault: null })
  } finally {
    never.resolve() // otherwise a worker that did not notice would block the test
  }
})

test('the worker uses its configured limit of pixels', async ({ airlock }) => {
  airlock.startsWorker({ inspection: { ...defaultIsolation, limits: { ...limits, maxPixels: 1000 } } })

  expect(await airlock.comesTo('rejected', await airlock.accepts(samples.photo))).toMatchObject({ refusal: { code: 'too_many_pixels' } })
})
