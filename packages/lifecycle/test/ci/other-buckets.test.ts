import { randomUUID } from 'node:crypto'
import { AirlockError, defaultSizeLimits, MiB } from '@airlock/domain'
import { type IsolatedBucket, isolatedBucket } from '@airlock/testkit'
import { largeScene, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type AcceptFromBucketDeps, acceptFromBucket, cancel, type VideoInBucket } from '../../src/index.ts'
import { type Airlock, test as base } from '../airlock.ts'
import { Died, Mortal } from '../mortal.ts'

const test = base.extend('renders', async ({ world: _ }, { onCleanup }): Promise<IsolatedBucket> => {
  const bucket = await isolatedBucket()
  onCleanup(() => bucket.drop())
  return bucket
})

const key = 'project 7/final cut.mp4'

const videoIn = ({ userId }: Airlock, { bucket }: IsolatedBucket, given: Partial<VideoInBucket> = {}): VideoInBucket => ({
  uploadId: randomUUID(),
  userId,
  projectId: randomUUID(),
  source: { bucket, key },
  filename: 'final cut.mp4',
  sha256: null,
  metadata: null,
  priority: 'batch',
  requestId: 'request-1',
  actedBy: randomUUID(),
  ...given,
})

const accepts = async (airlock: Airlock, video: VideoInBucket, given: Partial<AcceptFromBucketDeps> = {}) => {
  const { upload } = await acceptFromBucket(video, {
    uploads: airlock.uploads,
    store: airlock.store,
    jobQueue: airlock.world.jobQueue,
    sizeLimits: defaultSizeLimits,
    log: airlock.log,
    ...given,
  })
  return upload
}

const sizes = [
  { size: 'a small video', sample: samples.scene },
  { size: 'a video of several parts', sample: largeScene(12 * MiB) },
]

test.for(sizes)(
  '$size in another bucket becomes an asset, and its object is not changed',
  async ({ sample }, { airlock, renders, expect }) => {
    await renders.put(key, sample.bytes, { owner: 'renders' })
    const upload = await accepts(airlock, videoIn(airlock, renders, { metadata: { cut: 2 } }))
    expect(upload).toMatchObject({ state: 'received', door: 'pipeline', source: { bucket: renders.bucket, key } })
    expect(await airlock.enqueuedIds('videos')).toEqual([upload.id])

    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })

    const [asset] = await airlock.assetsOf(upload)
    expect(asset).toMatchObject({ metadata: { source: 'pipeline', client: { cut: 2 } }, sizeBytes: sample.bytes.byteLength })
    expect(await airlock.bytesAt(asset?.s3Key ?? '')).toEqual(sample.bytes)
    expect(await renders.keys()).toEqual([key])
    expect(await airlock.world.bucket.keys()).toEqual([asset?.s3Key])
  },
)

const acceptance = [
  { when: 'before', verb: 'head', rows: 0 },
  { when: 'after', verb: 'read', rows: 0 },
  { when: 'before', verb: 'registerVideo', rows: 0 },
  { when: 'after', verb: 'registerVideo', rows: 1 },
] as const

test.for(acceptance)(
  'a gateway that dies $when $verb has recorded all or nothing, and repeating the request creates one asset',
  { meta: { id: 'bucket-video-gateway-dies' } },
  async ({ when, verb, rows }, { airlock, renders, expect }) => {
    await renders.put(key, samples.scene.bytes)
    const video = videoIn(airlock, renders)
    const mortal = new Mortal({ when, verb })
    const held = { uploads: mortal.holds(airlock.uploads), store: mortal.holds(airlock.store) }
    await expect(accepts(airlock, video, held)).rejects.toBeInstanceOf(Died)
    expect(await airlock.rows()).toHaveLength(rows)
    expect(await airlock.enqueuedIds('videos')).toEqual([])
    // without another request: the sweeper enqueues the recorded video
    expect(await airlock.sweeps({ enqueueAfterSeconds: -1 })).toMatchObject({ waiting: rows })

    const upload = await accepts(airlock, video)

    expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
    expect(await airlock.assetsOf(upload)).toHaveLength(1)
    expect(await renders.keys()).toEqual([key])
  },
)

const steps = (['claim', 'read', 'learnHash', 'copyToFinal', 'complete'] as const).flatMap((step) => [
  { when: 'before', step },
  { when: 'after', step },
])

test.for(steps)(
  'a video in another bucket whose worker dies $when $step becomes exactly one asset, and is not changed',
  { meta: { id: 'bucket-video-worker-dies' } },
  async ({ when, step }, { airlock, renders, expect }) => {
    await renders.put(key, samples.scene.bytes)
    const upload = await accepts(airlock, videoIn(airlock, renders))
    const dies = when === 'before' ? { diesBefore: step } : { diesAfter: step }
    expect(await airlock.worker(dies).process(upload)).toEqual({ ended: 'died' })
    if ((await airlock.stateOf(upload)) === 'processing') await airlock.leaseExpires(upload)

    await airlock.worker().process(upload)

    const assets = await airlock.assetsOf(upload)
    expect(assets).toHaveLength(1)
    expect(await airlock.world.bucket.keys()).toEqual([assets[0]?.s3Key])
    expect(await renders.keys()).toEqual([key])
  },
)

test("a store that can't copy can read another bucket", async ({ airlock, world, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const upload = await accepts(airlock, videoIn(airlock, renders))
  const store = world.storeWith({ serverSideCopy: false })
  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'completed' })
  expect(await renders.keys()).toEqual([key])
})

test('a video in another bucket that was an asset before a restore is not cancelled, and becomes the asset again', {
  meta: { id: 'restored-video-not-cancelled' },
}, async ({ airlock, world, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const upload = await accepts(airlock, videoIn(airlock, renders))
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
  const objects = await airlock.finalObjects()
  await world.sql.query(`
    alter table uploads disable trigger all; alter table assets disable trigger all;
    delete from assets where upload_id = '${upload.id}';
    delete from events where upload_id = '${upload.id}'; delete from event_sequences where upload_id = '${upload.id}';
    update uploads set state = 'received', attempt = 0, processing_at = null, completed_at = null, content_hash = null where id = '${upload.id}';
    alter table uploads enable trigger all; alter table assets enable trigger all`)

  const deps = { uploads: airlock.uploads, store: airlock.store, jobQueue: world.jobQueue, log: airlock.log }
  expect(await cancel(await airlock.of(upload), null, deps)).toEqual({ cancelled: false, reason: 'completed', state: 'completed' })

  await airlock.sweeps()
  expect(await airlock.finalObjects()).toEqual(objects)
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'completed' })
  expect(await airlock.assetsOf(upload)).toMatchObject([{ s3Key: objects[0] }])
})

test('a rejected video in another bucket is not changed', async ({ airlock, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const upload = await accepts(airlock, videoIn(airlock, renders, { sha256: '00'.repeat(32) }))
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'rejected', refusal: { code: 'digest_mismatch' } })
  await airlock.sweeps()
  expect(await renders.keys()).toEqual([key])
})

test('repeating an id returns the same video, even without its object; another video with it is refused', async ({ airlock, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const video = videoIn(airlock, renders)
  const upload = await accepts(airlock, video)
  await airlock.store.head({ bucket: renders.bucket, key })

  expect(await accepts(airlock, video)).toEqual(upload)
  for (const other of [{ userId: randomUUID() }, { projectId: randomUUID() }, { source: { bucket: renders.bucket, key: 'other.mp4' } }]) {
    await expect(accepts(airlock, { ...video, ...other })).rejects.toMatchObject({ code: 'upload_id_taken' })
  }
  expect(await airlock.rows()).toHaveLength(1)
})

test('ten concurrent calls with one id create one row', async ({ airlock, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const video = videoIn(airlock, renders)
  const uploads = await Promise.all(Array.from({ length: 10 }, () => accepts(airlock, video)))
  expect(new Set(uploads.map(({ id }) => id)).size).toBe(1)
  expect(await airlock.enqueuedIds('videos')).toEqual([video.uploadId])
})

const unfit: { what: string; bytes: Buffer | null; given?: Partial<VideoInBucket>; code: string }[] = [
  { what: 'does not exist', bytes: null, code: 'source_not_found' },
  { what: 'is empty', bytes: Buffer.alloc(0), code: 'empty_file' },
  { what: 'is a picture', bytes: samples.photo.bytes, code: 'type_mismatch' },
]

test.for(unfit)('a video that $what is refused, and nothing is recorded', async ({ bytes, code }, { airlock, renders, expect }) => {
  if (bytes !== null) await renders.put(key, bytes)
  await expect(accepts(airlock, videoIn(airlock, renders))).rejects.toMatchObject({ code })
  expect(await airlock.rows()).toEqual([])
})

test('a missing bucket is reported to the caller like a missing object, and to operators as a missing bucket', async ({
  airlock,
  renders,
}) => {
  const video = videoIn(airlock, { ...renders, bucket: `no-${randomUUID()}` })
  await expect(accepts(airlock, video)).rejects.toMatchObject({ code: 'source_not_found' })
  expect(airlock.log.withMessage('object in source bucket not readable')).toHaveLength(1)
})

test('a video that is too large is refused', async ({ airlock, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const sizeLimits = { ...defaultSizeLimits, generated_video: 1000 }
  await expect(accepts(airlock, videoIn(airlock, renders), { sizeLimits })).rejects.toBeInstanceOf(AirlockError)
})

test('a video that is replaced after its acceptance is never promoted', { meta: { id: 'bucket-video-replaced' } }, async ({
  airlock,
  renders,
}) => {
  await renders.put(key, samples.scene.bytes)
  const upload = await accepts(airlock, videoIn(airlock, renders))
  await renders.put(key, largeScene(1 * MiB).bytes)
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'parked' })
  expect(await airlock.finalObjects()).toEqual([])
})

test('the copy is conditional on the ETag', async ({ airlock, renders }) => {
  await renders.put(key, samples.scene.bytes)
  const upload = await accepts(airlock, videoIn(airlock, renders))
  const copyToFinal: Airlock['store']['copyToFinal'] = async (...args) => {
    await renders.put(key, largeScene(1 * MiB).bytes)
    return airlock.store.copyToFinal(...args)
  }
  expect(await airlock.worker({ store: { ...airlock.store, copyToFinal } }).process(upload)).toMatchObject({ ended: 'parked' })
  expect(await airlock.finalObjects()).toEqual([])
})
