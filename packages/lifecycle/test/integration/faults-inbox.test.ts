import { createHash, randomUUID } from 'node:crypto'
import { MiB } from '@airlock/domain'
import { largeScene, type Sample, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Airlock, test } from '../airlock.ts'
import { delivers, diesRegistering, puts, registers } from '../inbox.ts'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** An enqueued video has become exactly one asset, and nothing else is left. */
async function expectOneAsset(airlock: Airlock, video: { uploadId: string }, { bytes }: Sample = samples.scene): Promise<void> {
  const assets = await airlock.assetsOf({ id: video.uploadId })
  expect(assets).toHaveLength(1)
  expect(await airlock.inbox()).toEqual([])
  expect(await airlock.finalObjects()).toEqual([assets[0]?.s3Key])
  expect(assets[0]).toMatchObject({ sizeBytes: bytes.byteLength, metadata: { content_hash: sha256(bytes), source: 'pipeline' } })
  expect(await airlock.store.head(assets[0]?.s3Key ?? '')).toMatchObject({
    sizeBytes: bytes.byteLength,
    contentType: 'video/mp4',
    metadata: { content_hash: sha256(bytes), upload_id: video.uploadId, uploaded_by: airlock.userId },
  })
}

test("a video in the inbox becomes an asset with its pipeline's metadata, and the inbox is emptied", async ({ airlock }) => {
  const video = await puts(airlock, { sha256: sha256(samples.scene.bytes), metadata: { scene: 7 }, filename: 'Szene – 7.mp4' })

  expect(await delivers(airlock, video)).toMatchObject({ ended: 'completed' })

  await expectOneAsset(airlock, video)
  expect(await airlock.assetsOf({ id: video.uploadId })).toMatchObject([
    { userId: airlock.userId, projectId: video.projectId, filename: 'Szene – 7.mp4', metadata: { client: { scene: 7 } } },
  ])
})

test('a job that is delivered again returns the same upload, before and after its end', async ({ airlock }) => {
  const video = await puts(airlock)
  const first = await registers(airlock, video)
  expect(await registers(airlock, video)).toEqual(first)
  expect(await delivers(airlock, video)).toMatchObject({ ended: 'completed' })

  expect(await delivers(airlock, video)).toEqual({ ended: 'nothing', why: 'final' })

  await expectOneAsset(airlock, video)
  expect(await airlock.rows()).toHaveLength(1)
})

test('ten concurrent deliveries register one upload, which becomes one asset', { meta: { id: 'video-delivered-ten-times' } }, async ({
  airlock,
}) => {
  const video = await puts(airlock)
  await Promise.all(Array.from({ length: 10 }, () => registers(airlock, video)))
  const runs = await Promise.all(Array.from({ length: 10 }, () => airlock.worker().process({ id: video.uploadId })))
  expect(runs.filter(({ ended }) => ended === 'completed')).toHaveLength(1)
  expect(airlock.log.withMessage("video in the pipeline's inbox registered")).toHaveLength(1)
  await expectOneAsset(airlock, video)
})

const registering = [
  ['before', 'head'],
  ['after', 'head'],
  ['before', 'registerVideo'],
  ['after', 'registerVideo'],
] as const

test.for(registering)(
  'a video whose worker dies %s %s becomes exactly one asset',
  { meta: { id: 'video-registration-worker-dies' } },
  async ([when, verb], { airlock }) => {
    const video = await puts(airlock)
    await diesRegistering(airlock, video, when, verb)
    expect(await delivers(airlock, video)).toMatchObject({ ended: 'completed' })
    await expectOneAsset(airlock, video)
  },
)

const steps = ['claim', 'read', 'learnHash', 'copyToFinal', 'complete', 'purge'] as const
const working = steps.flatMap((step) => [
  { when: 'before', step },
  { when: 'after', step },
])

test.for(working)(
  'a video in the inbox whose worker dies $when $step becomes exactly one asset',
  { meta: { id: 'inbox-video-worker-dies' } },
  async ({ when, step }, { airlock }) => {
    const video = await puts(airlock)
    expect(await delivers(airlock, video, when === 'before' ? { diesBefore: step } : { diesAfter: step })).toEqual({ ended: 'died' })
    if ((await airlock.stateOf({ id: video.uploadId })) === 'processing') await airlock.leaseExpires({ id: video.uploadId })
    await delivers(airlock, video)
    await expectOneAsset(airlock, video)
  },
)

test('a video of several parts is hashed in pieces, and its hash is not computed a second time', async ({ airlock, world }) => {
  const sample = largeScene(12 * MiB)
  const video = await puts(airlock, { sample })
  await delivers(airlock, video, { diesBefore: 'copyToFinal' })
  expect(await airlock.of({ id: video.uploadId })).toMatchObject({ contentHash: sha256(sample.bytes) })
  await airlock.leaseExpires({ id: video.uploadId })

  let streamed = 0
  const source: Airlock['store']['source'] = (...args) => {
    const real = world.store.source(...args)
    const stream = () => {
      streamed += 1
      return real.stream()
    }
    return { ...real, stream }
  }
  await delivers(airlock, video, { store: { ...world.store, source } })

  expect(streamed).toBe(0)
  await expectOneAsset(airlock, video, sample)
})

const unacceptable: { what: string; given: Parameters<typeof puts>[1]; code: string }[] = [
  { what: 'has another hash than announced', given: { sha256: 'ab'.repeat(32) }, code: 'digest_mismatch' },
  { what: 'is empty', given: { sample: { ...samples.scene, bytes: Buffer.alloc(0) } }, code: 'empty_file' },
  { what: 'is a picture', given: { sample: { ...samples.photo, filename: 'scene.mp4' } }, code: 'type_mismatch' },
  { what: 'has the name of a picture', given: { filename: 'scene.png' }, code: 'extension_not_allowed' },
  { what: 'has the name of a program', given: { filename: 'scene.exe' }, code: 'extension_not_allowed' },
  { what: 'has a name without an extension', given: { filename: 'scene' }, code: 'extension_not_allowed' },
  { what: 'is truncated', given: { sample: { ...samples.scene, bytes: samples.scene.bytes.subarray(0, 600) } }, code: 'file_corrupt' },
]

test.for(unacceptable)(
  'a video that $what is rejected, and its object removed',
  { meta: { id: 'video-rejected' } },
  async ({ given, code }, { airlock, expect }) => {
    const video = await puts(airlock, given)
    expect(await delivers(airlock, video)).toMatchObject({ ended: 'rejected' })
    expect(await airlock.of({ id: video.uploadId })).toMatchObject({ state: 'rejected', refusal: { code } })
    expect(await airlock.inbox()).toEqual([])
    expect(await airlock.finalObjects()).toEqual([])
  },
)

test('a video that is too large is rejected before it is read', async ({ airlock, world }) => {
  const video = await puts(airlock)
  const sizeLimits = { brand_image: 1, generated_video: 1000, lora_training: 1 }
  const source: Airlock['store']['source'] = (...args) => ({
    ...world.store.source(...args),
    read: () => Promise.reject(new Error('it was read')),
  })
  expect(await delivers(airlock, video, { sizeLimits, store: { ...world.store, source } })).toMatchObject({ ended: 'rejected' })
  expect(await airlock.of({ id: video.uploadId })).toMatchObject({ refusal: { code: 'file_too_large' } })
  expect(await airlock.inbox()).toEqual([])
})

test('a video that is replaced after it was registered is never promoted, but parked for an operator', {
  meta: { id: 'registered-video-replaced' },
}, async ({ airlock, world }) => {
  const video = await puts(airlock)
  await registers(airlock, video)
  await world.bucket.put(video.key, largeScene(1 * MiB).bytes, { 'user-id': airlock.userId, filename: 'scene.mp4' })

  expect(await delivers(airlock, video)).toMatchObject({ ended: 'parked' })

  expect(await airlock.of({ id: video.uploadId })).toMatchObject({ refusal: { code: 'upload_vanished' } })
  expect(await airlock.finalObjects()).toEqual([])
})

const notTheirs: { what: string; userHeaders: Record<string, string> | undefined; asks: { userId?: string } }[] = [
  { what: 'names another user than its job', userHeaders: undefined, asks: { userId: randomUUID() } },
  { what: 'names no user', userHeaders: { filename: 'scene.mp4' }, asks: {} },
]

test.for(notTheirs)(
  'an object that $what is refused permanently, and not touched',
  { meta: { id: 'video-of-another-owner' } },
  async ({ userHeaders, asks }, { airlock, expect }) => {
    airlock.leavesBehind('disputed objects wait for an operator')
    const video = await puts(airlock, userHeaders === undefined ? {} : { userHeaders })
    const before = await airlock.store.head(video.key)

    expect(await registers(airlock, { ...video, ...asks })).toMatchObject({ outcome: 'refused', isDisputed: true })

    expect(await airlock.store.head(video.key)).toEqual(before)
    expect(await airlock.uploads.byId(video.uploadId)).toBeNull()
  },
)

test('an id of an upload from another door is refused permanently, and both stay unchanged', async ({ airlock }) => {
  airlock.leavesBehind('the object has no owner')
  const upload = await airlock.accepts(samples.scene)
  const before = await airlock.of(upload)
  const video = await puts(airlock, { uploadId: upload.id })

  expect(await registers(airlock, video)).toEqual({
    outcome: 'refused',
    isDisputed: false,
    reason: expect.stringMatching(/is taken: its door is form, not pipeline/),
  })

  expect(await airlock.of(upload)).toEqual(before)
  expect(await airlock.inbox()).toEqual([video.key])
})

test('an id of a video from another project is refused permanently', async ({ airlock }) => {
  airlock.leavesBehind('the second object has no owner')
  const video = await puts(airlock)
  await registers(airlock, video)
  const other = await puts(airlock, { uploadId: video.uploadId, projectId: randomUUID() })
  expect(await registers(airlock, other)).toEqual({
    outcome: 'refused',
    isDisputed: false,
    reason: expect.stringMatching(/is taken: its key is/),
  })
  expect(await airlock.inbox()).toContain(other.key)
})

test('a missing object is a permanent failure, unless the upload has ended', { meta: { id: 'video-missing-at-key' } }, async ({
  airlock,
  world,
}) => {
  const video = await puts(airlock)
  await airlock.store.purge(video.key)
  expect(await registers(airlock, video)).toEqual({
    outcome: 'refused',
    isDisputed: false,
    reason: expect.stringMatching(/no object at pipeline-inbox/),
  })

  await puts(airlock, video)
  await delivers(airlock, video)
  expect(await registers(airlock, video)).toMatchObject({ upload: { state: 'completed' } })

  await world.sql.query('delete from uploads where id = $1', [video.uploadId])
  const [asset] = await airlock.assetsOf({ id: video.uploadId })
  expect(await registers(airlock, video)).toEqual({ outcome: 'asset', asset })
})

test('an object in the inbox of an asset whose upload row was removed creates no second asset, and is removed', {
  meta: { id: 'inbox-object-of-forgotten-upload' },
}, async ({ airlock, world }) => {
  const video = await puts(airlock)
  await delivers(airlock, video)
  await world.sql.query('delete from uploads where id = $1', [video.uploadId])
  await puts(airlock, video)

  expect(await registers(airlock, video)).toMatchObject({ asset: { uploadId: video.uploadId } })

  await expectOneAsset(airlock, video)
  expect(await airlock.rows()).toEqual([])
})

test('a video of an impossible user is rejected, and its object is to be purged', {
  meta: { id: 'video-of-unknown-user' },
}, async ({ airlock, world }) => {
  const { sql } = world
  await sql.query(`create function no_users() returns trigger language plpgsql as $$ begin raise exception 'not yours'; end $$`)
  await sql.query('create trigger no_users before insert on users for each row execute function no_users()')
  try {
    airlock.leavesBehind('its purge is due later')
    const video = await puts(airlock)
    expect(await delivers(airlock, video)).toEqual({ ended: 'nothing', why: 'final' })
    expect(await airlock.of({ id: video.uploadId })).toMatchObject({ state: 'rejected', refusal: { code: 'unknown_user' } })
    expect((await sql.query('select key from purges where upload_id = $1', [video.uploadId])).rows).toEqual([{ key: video.key }])
    expect(await airlock.inbox()).toEqual([])
  } finally {
    await sql.query('drop trigger no_users on users; drop function no_users()')
  }
})
