import { randomUUID } from 'node:crypto'
import { finalKey, quarantineKey } from '@airlock/domain'
import { JobQueue, JobQueueUnreachable } from '@airlock/queue'
import { StoreUnavailable } from '@airlock/storage'
import { waitFor } from '@airlock/testkit'
import { dot, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import type { World } from '../airlock.ts'
import { type Airlock, nothingSwept, test } from '../airlock.ts'
import { Died, Mortal } from '../mortal.ts'

test('an accepted upload whose job was lost is enqueued on its lane after a while', async ({ airlock }) => {
  const [picture, video] = [await airlock.accepts(samples.photo), await airlock.accepts(samples.scene)]
  await airlock.forgetsJobs('images')
  await airlock.forgetsJobs('videos')
  expect(await airlock.sweeps()).toEqual(nothingSwept)
  expect(await airlock.enqueuedIds('images')).toEqual([])

  await airlock.ages(picture, 61)
  await airlock.ages(video, 61)
  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, waiting: 2 })

  expect(await airlock.enqueuedIds('images')).toEqual([picture.id])
  expect(await airlock.enqueuedIds('videos')).toEqual([video.id])
  expect(airlock.log.withMessage('upload had no job, enqueued again')).toMatchObject([
    { uploadId: picture.id, rule: 'waiting', dryRun: false },
    { uploadId: video.id },
  ])
})

test('an upload with a live job is not enqueued', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.ages(upload, 61)
  expect(await airlock.sweeps()).toMatchObject({ waiting: 0 })
  expect(await airlock.enqueuedIds('images')).toEqual([upload.id])
  expect(airlock.log.lines.filter(({ fields }) => fields.step === 'sweep')).toEqual([])
})

test('an upload whose worker died is enqueued when its lease expires', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.claims(upload)
  await airlock.forgetsJobs('images')
  expect(await airlock.sweeps()).toMatchObject({ lapsed: 0 })

  await airlock.leaseExpires(upload)
  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, lapsed: 1 })

  expect(await airlock.enqueuedIds('images')).toEqual([upload.id])
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
})

test('an upload that never finished receiving is abandoned and refunded, and leaves no object', async ({ airlock, world }) => {
  const whole = await airlock.receives(dot)
  const begun = await airlock.receives(dot)
  await airlock.store.purge(begun.quarantineKey)
  await beginsUpload(world, begun.quarantineKey)
  const other = quarantineKey(randomUUID())
  await beginsUpload(world, other)
  for (const { uploadId } of [whole, begun]) await airlock.ages({ id: uploadId }, 3601)

  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, stale: 2 })

  expect(await airlock.quarantine()).toEqual([])
  expect(await airlock.openMultipartUploads()).toEqual([other])
  expect(await airlock.rows()).toMatchObject(
    [whole, begun].map(() => ({ state: 'abandoned', refusal: { code: 'upload_interrupted' }, counted: false })),
  )
  await airlock.store.abandonReceives(other)
})

/** An open multipart upload, as left by a killed gateway. */
async function beginsUpload({ bucket }: World, key: string): Promise<void> {
  const { CreateMultipartUploadCommand, S3Client } = await import('@aws-sdk/client-s3')
  const { endpoint, region, accessKeyId, secretAccessKey } = bucket
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key: key }))
  client.destroy()
}

test('an upload that is accepted during the check stays accepted, with its bytes', {
  meta: { id: 'sweep-meets-acceptance' },
}, async ({ airlock, world }) => {
  const file = await airlock.receives(samples.photo)
  await airlock.ages({ id: file.uploadId }, 3601)
  const acceptedAt = new Date()
  const uploads = {
    ...airlock.uploads,
    stale: async (...args: Parameters<typeof airlock.uploads.stale>) => {
      const batch = await airlock.uploads.stale(...args)
      await airlock.uploads.accept([
        {
          ...file,
          id: file.uploadId,
          assetType: 'brand_image',
          projectId: null,
          brandId: null,
          detectedType: file.mediaType,
          finalKey: finalKey({ ...file, assetType: 'brand_image', projectId: null, brandId: null, acceptedAt }),
        },
      ])
      return batch
    },
  }
  expect(await airlock.sweeps({}, { uploads })).toMatchObject({ stale: 0 })
  expect(await airlock.stateOf({ id: file.uploadId })).toBe('received')
  expect(await world.bucket.keys()).toEqual([file.quarantineKey])
})

test('final, parked and active uploads are not changed', async ({ airlock }) => {
  const done = await airlock.accepts(samples.photo)
  await airlock.worker().process(done)
  const bad = await airlock.accepts(samples.brokenPhoto)
  await airlock.worker().process(bad)
  const parked = await airlock.accepts(dot)
  await airlock.worker({ inspect: async () => Promise.reject(new Error('broken')), maxAttempts: 1 }).process(parked)
  const busy = await airlock.accepts(dot)
  await airlock.claims(busy)
  for (const upload of [done, bad, parked, busy]) await airlock.ages(upload, 100_000)
  await airlock.forgetsJobs('images')
  const before = await airlock.rows()

  expect(await airlock.sweeps()).toEqual(nothingSwept)

  expect(await airlock.rows()).toEqual(before)
  expect(await airlock.enqueuedIds('images')).toEqual([])
})

test('a dry run reports what it would do, and changes nothing', async ({ airlock }) => {
  const waiting = await airlock.accepts(samples.photo)
  const lapsed = await airlock.accepts(samples.logo)
  await airlock.claims(lapsed)
  await airlock.leaseExpires(lapsed)
  const stale = await airlock.receives(dot)
  await airlock.ages(waiting, 61)
  await airlock.ages({ id: stale.uploadId }, 3601)
  await airlock.forgetsJobs('images')
  const enqueuedIds = await airlock.accepts(dot) // it waits as long, and its job is there
  await airlock.ages(enqueuedIds, 61)
  const [rows, quarantine] = [await airlock.rows(), await airlock.quarantine()]

  expect(await airlock.sweeps({ dryRun: true })).toEqual({ ...nothingSwept, waiting: 1, lapsed: 1, stale: 1 })

  expect(await airlock.rows()).toEqual(rows)
  expect(await airlock.quarantine()).toEqual(quarantine)
  expect(await airlock.enqueuedIds('images')).toEqual([enqueuedIds.id])
  expect(airlock.log.lines.filter(({ fields }) => fields.step === 'sweep').map(({ fields }) => fields.dryRun)).toEqual([true, true, true])
  airlock.leavesBehind('the stale file that a dry run did not touch')
})

/** Many accepted uploads at once, as rows only. */
async function manyWaiting({ sql }: World, userId: string, count: number): Promise<void> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await sql.query('insert into users (id) values ($1) on conflict do nothing', [userId])
  await sql.query(
    `insert into uploads (id, user_id, state, door, original_filename, declared_type, quarantine_key, nonce)
     select id, $2, 'receiving', 'form', 'logo.png', 'image/png', 'quarantine/' || id, 'n' from unnest($1::uuid[]) as id`,
    [ids, userId],
  )
  await sql.query(
    `update uploads set state = 'received', received_at = now(), updated_at = now() - interval '1 hour', asset_type = 'brand_image',
       detected_type = 'image/png', final_key = 'brand-images/' || id, size_bytes = 1, content_hash = repeat('0', 64), etag = '"1"'
     where user_id = $1`,
    [userId],
  )
}

test('one sweep enqueues a thousand waiting uploads, and a second sweep none', async ({ airlock, world }) => {
  await manyWaiting(world, airlock.userId, 1000)
  expect(await airlock.sweeps()).toMatchObject({ waiting: 1000 })
  expect(new Set(await airlock.enqueuedIds('images')).size).toBe(1000)
  expect(await airlock.sweeps()).toMatchObject({ waiting: 0 })
})

test('two concurrent sweepers enqueue each upload once, because only one has the lease', {
  meta: { id: 'two-sweepers-at-once' },
}, async ({ airlock, world }) => {
  await manyWaiting(world, airlock.userId, 50)
  const reports = await Promise.all([airlock.sweeps(), airlock.sweeps()])
  expect(reports.filter((report) => report !== null)).toMatchObject([{ waiting: 50 }])
  expect(await airlock.enqueuedIds('images')).toHaveLength(50)
})

test('after a sweeper died, another one takes over when the lease expires', { meta: { id: 'sweeper-died' } }, async ({
  airlock,
  world,
}) => {
  await manyWaiting(world, airlock.userId, 3)
  const mortal = new Mortal({ verb: 'ensureEnqueued', when: 'after' })
  const held = { jobQueue: mortal.holds(world.jobQueue), sweeper: mortal.holds(world.database.sweeper) }
  await expect(airlock.sweeps({}, held)).rejects.toBeInstanceOf(Died)
  expect(await airlock.sweeps()).toBeNull()

  await world.sql.query(`update sweeper set lease_until = now() - interval '1 ms'`)

  expect(await airlock.sweeps()).toMatchObject({ waiting: 2 })
  expect(await airlock.enqueuedIds('images')).toHaveLength(3)
})

test('a sweeper that lost its lease stops, and leaves the rest to the next one', {
  meta: { id: 'sweeper-lost-its-lease' },
}, async ({ airlock, world }) => {
  await manyWaiting(world, airlock.userId, 3)
  const jobQueue = {
    ensureEnqueued: async (...args: Parameters<JobQueue['ensureEnqueued']>) => {
      await world.sql.query(`update sweeper set holder = gen_random_uuid(), lease_until = now() + interval '1 minute'`)
      return world.jobQueue.ensureEnqueued(...args)
    },
  }
  expect(await airlock.sweeps({ leaseSeconds: 0.001 }, { jobQueue })).not.toBeNull()
  expect(await airlock.enqueuedIds('images')).toHaveLength(1)
  expect(airlock.log.withMessage('sweep lease lost, another process sweeps')).toHaveLength(1)
  expect(await airlock.sweeps(), 'the other process has the lease').toBeNull()
})

test('a sweeper that waits for a slow store renews its lease', {
  meta: { id: 'sweep-lease-kept-with-slow-store' },
}, async ({ airlock, world }) => {
  const others: unknown[] = []
  const list: Airlock['store']['list'] = async (...args) => {
    if (others.length === 0) {
      const { rows } = await world.sql.query('select lease_until from sweeper')
      const isReclaimable = async () =>
        (await world.sql.query('select from sweeper where now() > $1', [rows[0].lease_until])).rowCount === 1
      await waitFor(isReclaimable, { what: 'the lease that the sweep began with to be over' })
      others.push(await airlock.sweeps())
    }
    return airlock.store.list(...args)
  }
  expect(await airlock.sweeps({ leaseSeconds: 1 }, { store: { ...airlock.store, list } })).toEqual(nothingSwept)
  expect(others).toEqual([null])
})

test('several workers sweep no more often than one', async ({ airlock }) => {
  expect(await airlock.sweeps({ notWithinSeconds: 15 })).toEqual(nothingSwept)
  expect(await airlock.sweeps({ notWithinSeconds: 15 })).toBeNull()
})

test('an aborted sweep ends between two steps', { meta: { id: 'sweep-stops-between-moves' } }, async ({ airlock, world }) => {
  await manyWaiting(world, airlock.userId, 3)
  const stopping = new AbortController()
  const jobQueue = {
    ensureEnqueued: async (...args: Parameters<JobQueue['ensureEnqueued']>) => {
      stopping.abort()
      return world.jobQueue.ensureEnqueued(...args)
    },
  }
  expect(await airlock.sweeps({ signal: stopping.signal }, { jobQueue })).toMatchObject({ waiting: 1 })
  expect(await airlock.sweeps()).toMatchObject({ waiting: 2 })
})

test('a sweep deletes a limited number of objects, and the next one continues', { meta: { id: 'sweep-removal-limit' } }, async ({
  airlock,
}) => {
  for (let i = 0; i < 3; i++) {
    const { uploadId } = await airlock.receives(dot)
    await airlock.ages({ id: uploadId }, 3601)
  }
  expect(await airlock.sweeps({ maxRemovals: 2 })).toMatchObject({ stale: 2 })
  expect(await airlock.sweeps({ maxRemovals: 2 })).toMatchObject({ stale: 1 })
})

test('while Redis is unavailable, the sweeper still abandons stale uploads, and enqueues in a later sweep', {
  meta: { id: 'sweep-redis-unavailable' },
}, async ({ airlock, world }) => {
  const jobQueue = new JobQueue({ redisUrl: 'redis://127.0.0.1:1', prefix: world.queues.prefix, onError: () => {} })
  const waiting = await airlock.accepts(samples.photo)
  await airlock.forgetsJobs('images')
  const stale = await airlock.receives(dot)
  await airlock.ages(waiting, 61)
  await airlock.ages({ id: stale.uploadId }, 3601)

  expect(await airlock.sweeps({}, { jobQueue })).toEqual({ ...nothingSwept, stale: 1 })
  await jobQueue.close()

  expect(await airlock.sweeps()).toEqual({ ...nothingSwept, waiting: 1 })
  expect(await airlock.enqueuedIds('images')).toEqual([waiting.id])
})

test('three timeouts of Redis in a row end the enqueueing of a sweep', async ({ airlock, world }) => {
  await manyWaiting(world, airlock.userId, 1000)
  let asked = 0
  const jobQueue = {
    ensureEnqueued: async () => {
      asked += 1
      throw new JobQueueUnreachable("can't enqueue: no answer in 1500 ms")
    },
  }
  expect(await airlock.sweeps({}, { jobQueue })).toMatchObject({ waiting: 0 })
  expect(asked).toBe(3)
  expect(airlock.log.withMessage('upload not enqueued, the next sweep retries')).toHaveLength(3)
})

test("single uploads that can't be enqueued do not delay others", async ({ airlock, world }) => {
  await manyWaiting(world, airlock.userId, 21)
  let asked = 0
  const jobQueue = {
    ensureEnqueued: async (...args: Parameters<JobQueue['ensureEnqueued']>) => {
      asked += 1
      if (asked % 3 !== 0) throw new JobQueueUnreachable("can't remove the ended job")
      return world.jobQueue.ensureEnqueued(...args)
    },
  }
  expect(await airlock.sweeps({}, { jobQueue })).toMatchObject({ waiting: 7 })
  expect(asked).toBe(21)
  expect(await airlock.enqueuedIds('images')).toHaveLength(7)
})

test('a failure of one upload stops no other, and is left to a later sweep', async ({ airlock }) => {
  const [first, second] = [await airlock.receives(dot), await airlock.receives(dot)]
  for (const { uploadId: id } of [first, second]) await airlock.ages({ id }, 3601)
  const abandonReceives = async (key: string) => {
    if (key === first.quarantineKey) throw new StoreUnavailable('SlowDown', key)
    return airlock.store.abandonReceives(key)
  }
  expect(await airlock.sweeps({}, { store: { ...airlock.store, abandonReceives } })).toMatchObject({ stale: 1, leftovers: 1 })
  expect(airlock.log.withMessage('sweeper skipped an item, the next pass retries')).toMatchObject([{ uploadId: first.uploadId }])
  expect(await airlock.quarantine()).toEqual([])
})

test('after the clock of Postgres was set back an hour, uploads are enqueued as before', {
  meta: { id: 'postgres-clock-set-back' },
}, async ({ airlock, world }) => {
  await airlock.sweeps()
  const waiting = await airlock.accepts(dot)
  const lapsed = await airlock.accepts(dot)
  await airlock.claims(lapsed, 60)
  const ahead = `+ interval '1 hour'`
  await world.sql.query(
    `update uploads set updated_at = updated_at ${ahead}, lease_until = lease_until ${ahead} - interval '61 s',
       next_attempt_at = case when state = 'received' then now() ${ahead} - interval '5 s' end`,
  )
  await world.sql.query(`update sweeper set ended_at = ended_at ${ahead}`)
  await airlock.forgetsJobs('images')

  expect(await airlock.sweeps({ notWithinSeconds: 15, enqueueAfterSeconds: -1 })).toMatchObject({ waiting: 1, lapsed: 1 })
  expect((await airlock.enqueuedIds('images')).toSorted()).toEqual([waiting.id, lapsed.id].toSorted())
  expect(airlock.log.withMessage('clock of Postgres was set back, due times are moved back with it')).toHaveLength(1)
  expect(await airlock.sweeps({ notWithinSeconds: 15 }), 'and then at its usual interval').toBeNull()
})
