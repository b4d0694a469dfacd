import { ClaimLost } from '@airlock/database'
import { type ObjectStore, StoreUnavailable } from '@airlock/storage'
import { dot, largeScene, type Sample, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { type Inspect, promote } from '../../src/index.ts'
import { type Airlock, realInspect, test } from '../airlock.ts'

const never = new AbortController().signal
const depsOf = (airlock: Airlock) => ({ uploads: airlock.uploads, store: airlock.store, log: airlock.log })
const soundPicture = { ok: true, mediaType: 'image/jpeg', facts: { width: 640 } } as const

const kinds: { what: string; sample: Sample; contentType: string; cacheControl: string }[] = [
  { what: 'a picture', sample: samples.photo, contentType: 'image/jpeg', cacheControl: 'public, max-age=31536000, immutable' },
  { what: 'a video', sample: samples.scene, contentType: 'video/mp4', cacheControl: 'no-cache, must-revalidate' },
  {
    what: 'a video that is copied in several parts',
    sample: largeScene(),
    contentType: 'video/mp4',
    cacheControl: 'no-cache, must-revalidate',
  },
]

test.for(kinds)(
  '$what becomes an asset: bytes at the final key, headers from inspection, empty quarantine',
  { meta: { id: 'promotion' } },
  async ({ sample, contentType, cacheControl }, { airlock, expect }) => {
    const upload = await airlock.accepts(sample)

    const run = await airlock.worker().process(upload)

    const [asset, ...more] = await airlock.assetsOf(upload)
    expect(more).toEqual([])
    expect(run).toEqual({ ended: 'completed', asset })
    expect(asset).toMatchObject({
      userId: airlock.userId,
      s3Key: upload.finalKey,
      filename: sample.filename,
      mediaType: contentType,
      sizeBytes: sample.bytes.byteLength,
      metadata: { content_hash: upload.contentHash, source: 'form' },
    })
    const key = upload.finalKey ?? ''
    expect((await airlock.bytesAt(key)).equals(sample.bytes)).toBe(true)
    expect(await airlock.store.head(key)).toMatchObject({
      sizeBytes: sample.bytes.byteLength,
      contentType,
      cacheControl,
      metadata: {
        uploaded_by: airlock.userId,
        upload_timestamp: upload.receivedAt?.toISOString(),
        content_hash: upload.contentHash,
        asset_type: upload.assetType,
        upload_id: upload.id,
      },
    })
    expect(await airlock.quarantine()).toEqual([])
    expect(await airlock.stateOf(upload)).toBe('completed')
    expect(airlock.log.withMessage('upload completed')).toMatchObject([{ uploadId: upload.id, assetId: asset?.id, attempt: 1 }])
  },
)

test('a JPEG named photo.png becomes an asset with the key and type of a JPEG, and keeps its name', async ({ airlock }) => {
  const upload = await airlock.accepts({ ...samples.photo, filename: 'photo.png', declaredType: 'image/png' })
  await airlock.worker({ inspect: realInspect }).process(upload)

  expect(upload.finalKey).toMatch(/_photo\.jpg$/)
  expect(await airlock.assetsOf(upload)).toMatchObject([{ s3Key: upload.finalKey, mediaType: 'image/jpeg', filename: 'photo.png' }])
  expect(await airlock.store.head(upload.finalKey ?? '')).toMatchObject({ contentType: 'image/jpeg' })
})

test.for([samples.photo, largeScene()])('$filename is encrypted at its final key', async (sample, { airlock, expect }) => {
  const upload = await airlock.accepts(sample)
  await airlock.worker().process(upload)
  expect(await airlock.store.head(upload.finalKey ?? '')).toMatchObject({ encryption: 'AES256' })
})

test("with a store that can't copy, the asset is the same", async ({ airlock, world }) => {
  const upload = await airlock.accepts(largeScene())
  const store = world.storeWith({ serverSideCopy: false })
  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'completed' })
  expect((await airlock.bytesAt(upload.finalKey ?? '')).equals(largeScene().bytes)).toBe(true)
})

test('promoting twice with one claim results in one asset and object', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  const asset = await promote(claim, soundPicture, never, depsOf(airlock))

  await expect(promote(claim, soundPicture, never, depsOf(airlock))).rejects.toBeInstanceOf(ClaimLost)

  expect(await airlock.assetsOf(upload)).toEqual([asset])
  expect((await airlock.bytesAt(upload.finalKey ?? '')).equals(samples.photo.bytes)).toBe(true)
})

test.for([samples.photo, largeScene()])(
  'two workers that promote $filename concurrently create one asset',
  async (sample, { airlock, expect }) => {
    const upload = await airlock.accepts(sample)
    const slower = await airlock.claims(upload)
    await airlock.leaseExpires(upload)
    const faster = await airlock.claims(upload)
    const verdict = { ...soundPicture, mediaType: upload.detectedType ?? 'image/jpeg' }

    const outcomes = await Promise.allSettled([slower, faster].map((claim) => promote(claim, verdict, never, depsOf(airlock))))

    expect(outcomes).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled' }])
    expect(await airlock.assetsOf(upload)).toHaveLength(1)
    expect((await airlock.bytesAt(upload.finalKey ?? '')).equals(sample.bytes)).toBe(true)
    expect(await airlock.quarantine()).toEqual([])
  },
)

test('an object that is replaced before its inspection is never promoted, but parked for an operator', {
  meta: { id: 'object-replaced-before-inspection' },
}, async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.replaces(upload, samples.logo.bytes)
  let verdicts = 0
  const inspect: Inspect = async (...args) => {
    const verdict = await realInspect(...args)
    verdicts += 1
    return verdict
  }

  expect(await airlock.worker({ inspect }).process(upload)).toMatchObject({ ended: 'parked' })

  expect(verdicts).toBe(0) // the other object was not inspected
  expect(await airlock.of(upload)).toMatchObject({
    state: 'parked',
    refusal: { code: 'upload_vanished' },
    lastFault: expect.stringContaining('ObjectChanged'),
  })
  expect(await airlock.finalObjects()).toEqual([])
  expect(airlock.log.withMessage('upload parked, an operator must decide')).toMatchObject([{ uploadId: upload.id }])
})

test.for([samples.photo, largeScene()])(
  '$filename is never promoted if it is replaced after its inspection',
  { meta: { id: 'object-replaced-after-inspection' } },
  async (sample, { airlock, expect }) => {
    const upload = await airlock.accepts(sample)
    const other = Buffer.from(sample.bytes)
    other[other.length - 1] = 0xff
    const inspect: Inspect = async (source, claim, signal) => {
      const verdict = await realInspect(source, claim, signal)
      await airlock.replaces(upload, other)
      return verdict
    }

    expect(await airlock.worker({ inspect }).process(upload)).toMatchObject({ ended: 'parked' })

    expect(await airlock.of(upload)).toMatchObject({ state: 'parked', refusal: { code: 'upload_vanished' } })
    expect(await airlock.finalObjects()).toEqual([])
    expect(await airlock.assetsOf(upload)).toEqual([])
  },
)

test('a missing object is parked at once', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  await airlock.store.purge(upload.quarantineKey)
  expect(await airlock.worker().process(upload)).toMatchObject({ ended: 'parked' })
  expect(await airlock.of(upload)).toMatchObject({ attempt: 1, refusal: { code: 'upload_vanished' } })
})

test('a worker whose job is cancelled during the copy creates no asset', async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const claim = await airlock.claims(upload)
  const job = new AbortController()
  const store = {
    purge: airlock.store.purge,
    copyToFinal: async (...args: Parameters<typeof airlock.store.copyToFinal>) => {
      const copied = await airlock.store.copyToFinal(...args)
      job.abort(new Error('lock lost'))
      return copied
    },
  }
  await expect(promote(claim, soundPicture, job.signal, { ...depsOf(airlock), store })).rejects.toThrow('lock lost')
  expect(await airlock.stateOf(upload)).toBe('processing')
  expect(await airlock.assetsOf(upload)).toEqual([])
})

test("the asset is created even if the quarantine can't be emptied yet, and the next run empties it", {
  meta: { id: 'quarantine-not-emptied-yet' },
}, async ({ airlock }) => {
  const upload = await airlock.accepts(samples.photo)
  const store = { ...airlock.store, purge: async () => Promise.reject(new StoreUnavailable('SlowDown', upload.quarantineKey)) }

  expect(await airlock.worker({ store }).process(upload)).toMatchObject({ ended: 'completed' })
  expect(airlock.log.withMessage('quarantine not emptied, the sweeper retries')).toMatchObject([{ uploadId: upload.id }])
  expect(await airlock.quarantine()).toEqual([upload.quarantineKey])

  expect(await airlock.worker().process(upload)).toEqual({ ended: 'nothing', why: 'final' })
  expect(await airlock.quarantine()).toEqual([])
})

test('if the owner was deleted meanwhile, the upload ends without an asset, and its copies are removed', async ({ airlock, world }) => {
  const upload = await airlock.accepts(samples.photo)
  const inspect: Inspect = async (source, claim, signal) => {
    await world.sql.query('delete from users where id = $1', [airlock.userId])
    return realInspect(source, claim, signal)
  }

  expect(await airlock.worker({ inspect }).process(upload)).toMatchObject({ ended: 'rejected', refusal: { code: 'unknown_user' } })

  expect(await airlock.of(upload)).toMatchObject({ state: 'rejected', refusal: { code: 'unknown_user' } })
  expect(await airlock.quarantine()).toEqual([])
  expect((await world.sql.query('select key, upload_id from purges')).rows).toEqual([{ key: upload.finalKey, upload_id: upload.id }])
})

test('progress is reported after the inspection if the copy takes long, and a failure to report it is ignored', async ({ airlock }) => {
  const upload = await airlock.accepts(dot)
  const reported = Promise.withResolvers<number>()
  const onProgress = async (part: number) => {
    reported.resolve(part)
    throw new Error('Redis is unavailable')
  }
  const copyToFinal: ObjectStore['copyToFinal'] = async (...args) => {
    await reported.promise
    return airlock.store.copyToFinal(...args)
  }

  expect(await airlock.worker({ onProgress, store: { ...airlock.store, copyToFinal } }).process(upload)).toMatchObject({
    ended: 'completed',
  })

  expect(await reported.promise).toBe(0.5)
  expect(airlock.log.withMessage('progress not reported')).toMatchObject([{ uploadId: upload.id }])
})

test('the first bytes are requested before an inspector is free', async ({ airlock }) => {
  const upload = await airlock.accepts(dot)
  const requested = Promise.withResolvers<void>()
  const source: ObjectStore['source'] = (...args) => {
    const { read, ...rest } = airlock.store.source(...args)
    const noted: typeof read = (offset, length) => {
      requested.resolve()
      return read(offset, length)
    }
    return { ...rest, read: noted }
  }
  const inspect: Inspect = async (...args) => {
    await requested.promise
    return realInspect(...args)
  }

  expect(await airlock.worker({ inspect, store: { ...airlock.store, source } }).process(upload)).toMatchObject({ ended: 'completed' })
})
