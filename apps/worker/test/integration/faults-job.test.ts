import { DatabaseUnavailable, type UploadRepository } from '@airlock/database'
import { queueNames } from '@airlock/queue'
import { waitFor } from '@airlock/testkit'
import { samples } from '@airlock/testkit/samples'
import { Worker } from 'bullmq'
import { expect } from 'vitest'
import { type Airlock, test } from '../airlock.ts'

type Verb = 'claim' | 'complete' | 'reject' | 'retryLater' | 'park'

/** The same database, whose first response to `verb` is lost after its commit. */
function losingAnswerOf(verb: Verb, { servers }: Airlock) {
  const uploads = servers.database.uploads as unknown as Record<Verb, (...args: unknown[]) => Promise<unknown>>
  let lost = false
  const losesAnswer = async (...args: unknown[]) => {
    const answer = await uploads[verb](...args)
    if (lost) return answer
    lost = true
    throw new DatabaseUnavailable('the answer got lost')
  }
  return { ...servers.database, uploads: { ...uploads, [verb]: losesAnswer } as unknown as UploadRepository }
}

/** Takes a job like a worker that dies: its lock is not renewed. */
async function takesAndDies(airlock: Airlock, lockMs: number): Promise<void> {
  const dead = new Worker(queueNames.images, null, {
    connection: airlock.queues.connection(),
    prefix: airlock.queues.prefix,
    lockDuration: lockMs,
    skipStalledCheck: true,
    skipLockRenewal: true,
  })
  await waitFor(async () => (await dead.getNextJob('a token')) !== undefined, { what: 'the job to be taken' })
  await dead.close(true)
}

const jobGoes = (airlock: Airlock, upload: { id: string }) =>
  waitFor(async () => (await airlock.jobState(upload)) === 'gone', { what: 'the job to go' })

test('a job whose worker died runs again within two leases', { meta: { id: 'job-of-dead-worker-redelivered' } }, async ({
  airlock,
  servers,
}) => {
  const upload = await airlock.accepts(samples.photo)
  await takesAndDies(airlock, 1000)
  await servers.database.uploads.claim(upload.id, { leaseSeconds: 1 })
  const begun = performance.now()

  airlock.startsWorker({ leaseSeconds: 1 })

  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
  expect(performance.now() - begun).toBeLessThan(8000)
  await jobGoes(airlock, upload)
})

test('a completion whose response is lost creates one asset, and the quarantine is emptied', {
  meta: { id: 'completion-answer-lost' },
}, async ({ airlock }) => {
  airlock.startsWorker({ database: losingAnswerOf('complete', airlock) })
  const upload = await airlock.accepts(samples.photo)

  await airlock.comesTo('completed', upload)

  await jobGoes(airlock, upload)
  expect(await airlock.quarantine()).toEqual([])
  expect(await airlock.assetsOf(upload)).toHaveLength(1)
  expect(await airlock.of(upload)).toMatchObject({ attempt: 1, state: 'completed' })
})

test('a rejection whose response is lost is reported as stored, and the quarantine is emptied', {
  meta: { id: 'rejection-answer-lost' },
}, async ({ airlock }) => {
  airlock.startsWorker({ database: losingAnswerOf('reject', airlock) })
  const upload = await airlock.accepts(samples.brokenPhoto)

  await airlock.comesTo('rejected', upload)

  await jobGoes(airlock, upload)
  expect(await airlock.quarantine()).toEqual([])
  expect(await airlock.of(upload)).toMatchObject({ attempt: 1, refusal: { code: 'file_corrupt' } })
})

test('a claim whose response is lost is kept until its lease expires, then repeated', { meta: { id: 'claim-answer-lost' } }, async ({
  airlock,
}) => {
  airlock.startsWorker({ database: losingAnswerOf('claim', airlock), leaseSeconds: 1 })
  const upload = await airlock.accepts(samples.photo)
  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
  await jobGoes(airlock, upload)
})

test('an upload whose hand-back response is lost is tried again', { meta: { id: 'release-answer-lost' } }, async ({ airlock, servers }) => {
  let broken = true
  const store = {
    ...servers.store,
    copyToFinal: async (...args: Parameters<typeof servers.store.copyToFinal>) => {
      if (!broken) return servers.store.copyToFinal(...args)
      broken = false
      throw new Error('the disk is full')
    },
  }
  airlock.startsWorker({ store, database: losingAnswerOf('retryLater', airlock) })
  const upload = await airlock.accepts(samples.photo)
  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
  await jobGoes(airlock, upload)
})

test('a worker that was paused beyond its lease while another one finished changes nothing', {
  meta: { id: 'paused-worker-beyond-lease' },
}, async ({ airlock }) => {
  const gate = airlock.gate()
  airlock.startsWorker({ store: gate.store, concurrency: 1 })
  const upload = await airlock.accepts(samples.photo)
  await gate.reached
  await airlock.servers.sql.query(`update uploads set lease_until = now() - interval '1 ms' where id = $1`, [upload.id])
  await airlock.queues.onLane('images', (queue) => queue.obliterate({ force: true })) // Redis loses its data
  airlock.startsWorker()
  await airlock.queues.jobQueue.enqueue('images', { uploadId: upload.id })
  expect(await airlock.comesTo('completed', upload)).toMatchObject({ attempt: 2 })
  const [asset] = await airlock.assetsOf(upload)

  gate.open()

  await waitFor(() => airlock.log.withMessage('another attempt owns the upload').length > 0, { what: 'the stale worker to notice' })
  expect(await airlock.assetsOf(upload)).toEqual([asset])
  expect(await airlock.of(upload)).toMatchObject({ state: 'completed', attempt: 2 })
  expect(await airlock.servers.store.head(upload.finalKey ?? '')).toMatchObject({ sizeBytes: upload.sizeBytes })
})
