import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { DatabaseUnavailable } from '@airlock/database'
import { AirlockError, defaultSizeLimits, type ErrorCode, MiB } from '@airlock/domain'
import { StoreUnavailable } from '@airlock/storage'
import { openAt } from '@airlock/testkit/airlock'
import { dot, jpegOf, largeScene, type Sample, samples } from '@airlock/testkit/samples'
import { expect } from 'vitest'
import { FileLimitReached, type FileOnItsWay } from '../../src/index.ts'
import { type Airlock, inChunks, test } from '../airlock.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Removes a received file that the test does not accept. */
const andGivesUp = (airlock: Airlock, { uploadId, quarantineKey }: { uploadId: string; quarantineKey: string }) =>
  Promise.all([
    airlock.uploads.abandon(uploadId, { code: 'cancelled', error: 'Cancelled', detail: 'The test is over.' }, { giveBack: false }),
    airlock.store.purge(quarantineKey),
  ])

const good: { what: string; sample: Sample; mediaType: string }[] = [
  { what: 'a picture', sample: samples.photo, mediaType: 'image/jpeg' },
  { what: 'a video of several parts', sample: largeScene(), mediaType: 'video/mp4' },
  { what: 'a file that is shorter than the head', sample: dot, mediaType: 'image/png' },
  { what: 'a picture of exactly the maximum size', sample: jpegOf(10 * MiB), mediaType: 'image/jpeg' },
]

test.for(good)(
  '$what is stored in quarantine with size and hash, and recorded as receiving',
  async ({ sample, mediaType }, { airlock, expect }) => {
    const file = await airlock.receives(sample)

    expect(file).toMatchObject({
      userId: airlock.userId,
      filename: sample.filename,
      mediaType,
      sizeBytes: sample.bytes.byteLength,
      contentHash: sha256(sample.bytes),
    })
    expect(await airlock.quarantine()).toEqual([file.quarantineKey])
    expect((await airlock.bytesAt(file.quarantineKey)).equals(sample.bytes)).toBe(true)
    expect(await airlock.store.head(file.quarantineKey)).toMatchObject({ etag: file.etag })
    expect(await airlock.of({ id: file.uploadId })).toMatchObject({
      state: 'receiving',
      userId: airlock.userId,
      filename: sample.filename,
      declaredType: sample.declaredType,
      requestId: 'request-1',
      counted: true,
      finalKey: null,
    })
    expect(airlock.counter.calls).toEqual([])
    expect(airlock.log.withMessage('file received')).toMatchObject([{ uploadId: file.uploadId, sizeBytes: sample.bytes.byteLength }])
    await andGivesUp(airlock, file)
  },
)

test('a file that arrives byte by byte is stored unchanged', async ({ airlock }) => {
  const file = await airlock.receives(samples.logo, { bytes: inChunks(samples.logo.bytes, 1) })
  expect(file).toMatchObject({ sizeBytes: samples.logo.bytes.byteLength, contentHash: sha256(samples.logo.bytes) })
  expect((await airlock.bytesAt(file.quarantineKey)).equals(samples.logo.bytes)).toBe(true)
  await andGivesUp(airlock, file)
})

const tinyLimits = { ...defaultSizeLimits, brand_image: dot.bytes.byteLength - 1 }

const bad: { what: string; sample: Sample; given?: Parameters<Airlock['receives']>[1]; code: ErrorCode }[] = [
  { what: 'an empty file', sample: { ...dot, bytes: Buffer.alloc(0) }, code: 'empty_file' },
  { what: 'a picture one byte larger than the limit', sample: jpegOf(10 * MiB + 1), code: 'file_too_large' },
  {
    what: 'a picture that exceeds the limit before its head is complete',
    sample: dot,
    given: { sizeLimits: tinyLimits },
    code: 'file_too_large',
  },
  {
    what: 'a picture that exceeds the limit in its first chunk',
    sample: samples.photo,
    given: { sizeLimits: { ...defaultSizeLimits, brand_image: 5000 } },
    code: 'file_too_large',
  },
  {
    what: 'a picture of a still unknown kind that exceeds the limits of all kinds',
    sample: jpegOf(10 * MiB + 1),
    given: { assetType: null },
    code: 'file_too_large',
  },
  { what: 'a picture with the name of a video', sample: samples.pictureNamedVideo, code: 'type_mismatch' },
  { what: 'a text with the name of a picture', sample: { ...dot, bytes: Buffer.from('hello\n'.repeat(2000)) }, code: 'type_mismatch' },
  { what: 'a video uploaded as a picture', sample: samples.scene, given: { assetType: 'brand_image' }, code: 'extension_not_allowed' },
]

test.for(bad)('$what is refused with its reason, counts, and leaves no object', async ({ sample, given, code }, { airlock, expect }) => {
  await expect(airlock.receives(sample, given)).rejects.toMatchObject({ name: 'AirlockError', code })

  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code }, counted: true }])
  expect(await airlock.quarantine()).toEqual([])
  expect(airlock.counter.calls).toEqual([])
  expect(airlock.log.lines.filter(({ fields }) => fields.step === 'receive')).toMatchObject([
    { level: 'info', fields: { code, userId: airlock.userId } },
  ])
})

test('a file that matches its announced size and hash is received', async ({ airlock }) => {
  const file = await airlock.receives(samples.logo, { expectedHash: sha256(samples.logo.bytes) })
  expect(file.contentHash).toBe(sha256(samples.logo.bytes))
  await andGivesUp(airlock, file)
})

test.for([dot, samples.logo, largeScene()])(
  '$filename is refused if its bytes differ from the announced ones',
  async (sample, { airlock, expect }) => {
    await expect(airlock.receives(sample, { expectedHash: sha256(Buffer.from('other bytes')) })).rejects.toMatchObject({
      code: 'digest_mismatch',
    })
    expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code: 'digest_mismatch' } }])
    expect(await airlock.quarantine()).toEqual([])
  },
)

test('a file with wrong content is refused before the rest is read, and the form can be read further', async ({ airlock }) => {
  let read = 0
  const bytes = Readable.from(
    (function* () {
      for (; read < 100; read += 1) yield Buffer.alloc(64 * 1024, 0x20)
    })(),
    { objectMode: false },
  )
  await expect(airlock.receives(samples.logo, { bytes })).rejects.toThrow(AirlockError)
  expect(read).toBeLessThan(5)
  expect(bytes.destroyed).toBe(false)

  for await (const _ of bytes);
  expect(read).toBe(100)
})

test('a file whose client disconnects leaves no object, and counts', { meta: { id: 'client-disconnects-mid-file' } }, async ({
  airlock,
}) => {
  const { bytes: whole, ...video } = largeScene()
  const gone = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  const bytes = Readable.from(
    (async function* () {
      yield* inChunks(whole.subarray(0, whole.byteLength / 2))
      throw gone
    })(),
    { objectMode: false },
  )

  await expect(airlock.receives({ ...video, bytes: whole }, { bytes })).rejects.toBe(gone)

  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code: 'upload_interrupted' }, counted: true }])
  expect(airlock.counter.calls).toEqual([])
  expect(await airlock.openMultipartUploads()).toEqual([])
})

/** Permits that are counted. */
function turns() {
  const counts = { taken: 0, givenBack: 0 }
  const take = async () => {
    counts.taken += 1
    return () => {
      counts.givenBack += 1
    }
  }
  return { counts, permits: { take } }
}

test('a file takes a permit after its first bytes were checked, and releases it at its end', async ({ airlock }) => {
  const { counts, permits } = turns()
  const file = await airlock.receives(samples.logo, { deps: { inFlight: permits } })
  expect(counts).toEqual({ taken: 1, givenBack: 1 })
  await andGivesUp(airlock, file)
})

test('a file with bad first bytes takes no permit, and one whose client disconnects releases it', async ({ airlock }) => {
  const { counts, permits } = turns()
  await expect(airlock.receives(samples.pictureNamedVideo, { deps: { inFlight: permits } })).rejects.toMatchObject({
    code: 'type_mismatch',
  })
  expect(counts).toEqual({ taken: 0, givenBack: 0 })

  const bytes = Readable.from(
    (async function* () {
      yield samples.photo.bytes.subarray(0, 8192)
      throw new Error('aborted')
    })(),
    { objectMode: false },
  )
  await expect(airlock.receives(samples.photo, { bytes, deps: { inFlight: permits } })).rejects.toThrow('aborted')
  expect(counts).toEqual({ taken: 1, givenBack: 1 })
})

test('a file without a permit is refunded to its owner, and leaves no object', async ({ airlock }) => {
  const full = { take: async () => Promise.reject(new AirlockError('overloaded', {})) }
  await expect(airlock.receives(dot, { filesPerHour: 1, deps: { inFlight: full } })).rejects.toMatchObject({
    code: 'overloaded',
    status: 503,
  })
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code: 'overloaded' }, counted: false }])
  expect(airlock.counter.calls).toEqual([`given back ${airlock.userId}`])
})

test('a file that is ended in favour of others is refused with the reason, refunded to its owner, and leaves no object', async ({
  airlock,
}) => {
  const { counts, permits } = turns()
  const ended = new AirlockError('upload_share_exceeded', { filename: samples.photo.filename, limit: 1, share: 1 })
  const take = async (file: FileOnItsWay) => {
    const giveBack = await permits.take()
    expect(file).toMatchObject({ userId: airlock.userId, filename: samples.photo.filename })
    setTimeout(() => file.end(ended), 50)
    return giveBack
  }
  const bytes = new Readable({ read: () => {} })
  bytes.push(samples.photo.bytes.subarray(0, 8192)) // and then nothing

  await expect(airlock.receives(samples.photo, { bytes, deps: { inFlight: { take } } })).rejects.toBe(ended)

  expect(counts).toEqual({ taken: 1, givenBack: 1 })
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code: 'upload_share_exceeded' }, counted: false }])
  expect(airlock.counter.calls).toEqual([`given back ${airlock.userId}`])
})

test('after a refusal by Postgres, the next file is refused before anything is recorded', async ({ airlock }) => {
  airlock.counter.seconds = 90
  const receiving = airlock.receives(samples.logo, { filesPerHour: 5 })
  await expect(receiving).rejects.toBeInstanceOf(FileLimitReached)
  await expect(receiving).rejects.toMatchObject({
    code: 'file_limit_reached',
    retryAfterSeconds: 90,
    detail: expect.stringContaining('5 files'),
  })
  expect(await airlock.rows()).toEqual([])
})

test('a file beyond the limit in Postgres is refused, and the refusal is remembered', async ({ airlock }) => {
  await airlock.accepts(dot, { filesPerHour: 1 })

  await expect(airlock.receives(dot, { filesPerHour: 1 })).rejects.toMatchObject({
    code: 'file_limit_reached',
    retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 3500 && seconds <= 3600),
  })

  expect(await airlock.rows()).toHaveLength(1)
  expect(airlock.counter.calls).toEqual([`refused ${airlock.userId} true`])
})

test('a file that arrives while the store is unavailable is refunded, and its client can retry', async ({ airlock, world }) => {
  const nowhere = world.storeWith({ endpoint: 'http://127.0.0.1:1', callTimeoutMs: 1000 })

  await expect(airlock.receives(dot, { filesPerHour: 1, deps: { store: nowhere } })).rejects.toBeInstanceOf(StoreUnavailable)

  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code: 'storage_unavailable' }, counted: false }])
  expect(airlock.counter.calls).toEqual([`given back ${airlock.userId}`])
  expect(await airlock.accepts(dot, { filesPerHour: 1 })).toMatchObject({ state: 'received' })
})

test('a waiting client learns that the store is unavailable, without sending more bytes', async ({ airlock, world }) => {
  const nowhere = world.storeWith({ endpoint: 'http://127.0.0.1:1', callTimeoutMs: 1000 })
  const silent = new Readable({ read() {} })
  silent.push(largeScene().bytes)
  await expect(airlock.receives(largeScene(), { bytes: silent, deps: { store: nowhere } })).rejects.toBeInstanceOf(StoreUnavailable)
})

test('while the database is unavailable nothing is received', { meta: { id: 'receive-database-unavailable' } }, async ({
  airlock,
  world,
}) => {
  const closed = await openAt(world.databaseUrl)
  await closed.close()
  await expect(airlock.receives(dot, { deps: { uploads: closed.uploads } })).rejects.toBeInstanceOf(DatabaseUnavailable)
  expect(await airlock.quarantine()).toEqual([])
})

test("a refused file whose row can't be closed is left to the sweeper, and its client gets the true reason", {
  meta: { id: 'refused-file-row-not-closed' },
}, async ({ airlock, world }) => {
  const other = await openAt(world.databaseUrl)
  const uploads = {
    register: other.uploads.register,
    abandon: async (...args: Parameters<typeof other.uploads.abandon>) => {
      await other.close()
      return other.uploads.abandon(...args)
    },
  }
  await expect(airlock.receives({ ...dot, bytes: Buffer.alloc(0) }, { deps: { uploads } })).rejects.toMatchObject({ code: 'empty_file' })
  const [row] = await airlock.rows()
  expect(row).toMatchObject({ state: 'receiving' })
  expect(airlock.log.withMessage('upload not marked as abandoned, the sweeper retries')).toHaveLength(1)

  await airlock.ages(row as { id: string }, 3601)
  expect(await airlock.sweeps()).toMatchObject({ stale: 1 })
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned' }])
})

test('a store that responds without reading the file is our fault, and the file is refunded', async ({ airlock }) => {
  const blind = { receive: async () => ({ etag: '"1"', sizeBytes: 0 }) }
  await expect(airlock.receives(dot, { deps: { store: blind } })).rejects.toThrow('the store received 0 of 70 bytes')
  expect(await airlock.rows()).toMatchObject([{ state: 'abandoned', refusal: { code: 'internal_error' }, counted: false }])
})
