import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { AssetRecord, UploadRecord } from '@airlock/database'
import { refusal } from '@airlock/domain'
import { JobQueueUnreachable } from '@airlock/queue'
import { StoreFailure, StoreUnavailable } from '@airlock/storage'
import { dot } from '@airlock/testkit/samples'
import { CreateMultipartUploadCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import { type VerifyDeps, type VerifyOptions, type Violation, verify } from '../../src/index.ts'
import { type Airlock, sweepOptions, test } from '../airlock.ts'
import { puts as putsVideo, registers } from '../inbox.ts'

async function verifies(airlock: Airlock, given: Partial<VerifyOptions> = {}, deps: Partial<VerifyDeps> = {}) {
  const violations: Violation[] = []
  const places: (string | null)[] = []
  let checked = 0
  const options = { ...sweepOptions, encrypted: true, after: null, ...given }
  const { uploads, store, world } = airlock
  for await (const page of verify(options, { uploads, store, assets: world.database.assets, jobQueue: world.jobQueue, ...deps })) {
    violations.push(...page.violations)
    places.push(page.next)
    checked += page.checked
  }
  return { violations, places, checked, whats: violations.map(({ what }) => what).toSorted() }
}

async function promoted(airlock: Airlock): Promise<{ upload: UploadRecord; asset: AssetRecord }> {
  const upload = await airlock.accepts(dot)
  await airlock.worker().process(upload)
  const [asset] = await airlock.assetsOf(upload)
  if (asset === undefined) throw new Error('no asset')
  return { upload, asset }
}

const puts = ({ store }: Airlock, key: string) => store.receive(key, Readable.from([dot.bytes], { objectMode: false }), { nonce: 'n' })

test('a healthy system has no violations, whatever is in progress', async ({ airlock }) => {
  await promoted(airlock)
  await airlock.claims(await airlock.accepts(dot))
  await airlock.accepts(dot)
  const copied = await airlock.accepts(dot)
  await airlock.worker({ diesAfter: 'copyToFinal' }).process(copied)
  const receiving = await airlock.receives(dot)

  const { violations, checked } = await verifies(airlock)

  expect(violations).toEqual([])
  expect(checked).toBeGreaterThanOrEqual(9)
  await airlock.uploads.abandon(receiving.uploadId, refusal('upload_interrupted', dot), { giveBack: false })
  await airlock.store.purge(receiving.quarantineKey)
})

test('each violation is found, and repairing removes only what is proven to be finished', async ({ airlock, world }) => {
  const lost = await promoted(airlock)
  await airlock.store.purge(lost.asset.s3Key)
  const differs = await promoted(airlock)
  await world.sql.query(`update assets set file_size = 1, metadata = metadata || '{"content_hash": "00"}' where id = $1`, [
    differs.asset.id,
  ])
  const bare = await airlock.accepts(dot)
  await airlock.store.purge(bare.quarantineKey)
  const replaced = await airlock.accepts(dot)
  await airlock.replaces(replaced, Buffer.from('other bytes'))
  const deleted = await promoted(airlock)
  await world.database.assets.delete(deleted.asset.id, { force: false })
  await puts(airlock, deleted.upload.quarantineKey)
  await puts(airlock, 'brand-images/2019/logo.png')
  await puts(airlock, 'quarantine/readme.txt')

  const { violations, whats } = await verifies(airlock)

  expect(whats).toEqual(
    [
      'asset without object',
      'asset differs from object',
      'asset differs from object',
      'upload without object',
      'upload without object',
      'object of an ended upload',
      'object of an ended upload',
      'object without a matching row',
      'object without a matching row',
    ].toSorted(),
  )
  expect(violations.filter(({ key }) => key === differs.asset.s3Key).map(({ detail }) => detail.split(':')[0])).toEqual([
    'size',
    'content_hash',
  ])
  const before = await world.bucket.keys()
  for (const { repair } of violations) await repair?.()
  const over = [deleted.asset.s3Key, deleted.upload.quarantineKey]
  expect(await world.bucket.keys()).toEqual(before.filter((key) => !over.includes(key)))
  expect((await verifies(airlock)).whats).toHaveLength(7)
  airlock.leavesBehind("objects of others below Airlock's prefixes")
})

test('an object with other headers than its kind is a violation that is not repaired automatically', async ({ airlock, world }) => {
  const { upload, asset } = await promoted(airlock)
  const copy = await airlock.store.head(asset.s3Key)
  const { bucket, region, endpoint, accessKeyId, secretAccessKey } = world.bucket
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: asset.s3Key, Body: dot.bytes, ContentType: 'text/html' }))
  client.destroy()

  const { violations } = await verifies(airlock)

  expect(violations.map(({ detail }) => detail.split(' ≠ ')[0])).toEqual([
    `content_hash: ${copy?.metadata.content_hash}`,
    `upload_id: ${upload.id}`,
    'content_type: image/png',
    `cache_control: ${copy?.cacheControl}`,
    'encryption: true',
  ])
  expect(violations.filter(({ repair }) => repair !== undefined)).toEqual([])
})

test('an open multipart upload of an ended upload is a violation that can be repaired', async ({ airlock, world }) => {
  const { upload } = await promoted(airlock)
  const { endpoint, region, accessKeyId, secretAccessKey, bucket } = world.bucket
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: upload.quarantineKey }))
  client.destroy()
  const { violations, whats } = await verifies(airlock)
  expect(whats).toEqual(['open multipart upload of an ended upload'])
  await violations[0]?.repair?.()
  expect(await airlock.openMultipartUploads()).toEqual([])
})

test('an asset that is deleted during the check is no violation', async ({ airlock, world }) => {
  const { asset } = await promoted(airlock)
  const head: Airlock['store']['head'] = async (key) => {
    await world.database.assets.delete(asset.id, { force: false })
    await airlock.store.purge(asset.s3Key)
    return airlock.store.head(key)
  }
  const { uploads, store } = airlock
  const options = { ...sweepOptions, encrypted: false, after: null }
  const violations: Violation[] = []
  for await (const page of verify(options, { uploads, store: { ...store, head }, assets: world.database.assets, jobQueue: world.jobQueue }))
    violations.push(...page.violations)
  expect(violations).toEqual([])
})

test('it continues at a given position, and refuses an invalid one', async ({ airlock }) => {
  await airlock.store.purge((await promoted(airlock)).asset.s3Key)
  const { places } = await verifies(airlock)
  expect(places.at(-1)).toBeNull()
  const quarantine = places.find((place) => place?.startsWith('quarantine'))
  expect((await verifies(airlock)).whats).toEqual(['asset without object'])
  expect((await verifies(airlock, { after: quarantine ?? null })).whats).toEqual([])
  await expect(verifies(airlock, { after: 'nowhere x' })).rejects.toThrow(RangeError)
})

const refuses =
  ({ store }: Airlock, keys: readonly string[], errorFor: (key: string) => Error): VerifyDeps['store']['head'] =>
  async (address) => {
    if (typeof address === 'string' && keys.includes(address)) throw errorFor(address)
    return store.head(address)
  }

test('a video whose job and object name different owners is disputed, as long as Redis keeps the failed job', async ({ airlock }) => {
  airlock.leavesBehind('disputed videos wait for an operator')
  const [video, other] = [await putsVideo(airlock), await putsVideo(airlock)]
  const refused = await registers(airlock, { ...video, userId: randomUUID() })
  if (refused.outcome !== 'refused') return expect.unreachable()
  const failureOf: VerifyDeps['jobQueue']['failureOf'] = async (_lane, id) => (id === video.uploadId ? refused : null)
  const unreachable = async () => Promise.reject(new JobQueueUnreachable('Redis is unavailable'))
  const longAgo = { inboxEnqueueAfterSeconds: -3600 }

  expect((await verifies(airlock, {}, { jobQueue: { failureOf } })).violations).toEqual([
    { what: 'disputed object', key: video.key, detail: refused.reason },
  ])
  expect((await verifies(airlock, {}, { jobQueue: { failureOf: unreachable } })).violations).toEqual([])
  const forgotten = await verifies(airlock, longAgo, { jobQueue: { failureOf } })
  expect(forgotten.violations).toEqual(
    expect.arrayContaining([
      { what: 'disputed object', key: video.key, detail: refused.reason },
      { what: 'object without a matching row', key: other.key, detail: 'in the inbox, never enqueued' },
    ]),
  )
  expect(forgotten.violations).toHaveLength(2)
})

test('an object that the store refuses to return is a violation, whether an asset, an upload or nothing refers to it, and hides no other', async ({
  airlock,
  world,
}) => {
  const { asset } = await promoted(airlock)
  const lost = await promoted(airlock)
  await airlock.store.purge(lost.asset.s3Key)
  const upload = await airlock.accepts(dot)
  const stray = `brand-images/${airlock.userId}/stray.png`
  await world.bucket.put(stray, dot.bytes)
  const hidden = [asset.s3Key, upload.quarantineKey, stray]
  const head = refuses(airlock, hidden, (key) => new StoreFailure('HeadObject: BadRequest (400)', key, { code: 'BadRequest', status: 400 }))

  const { violations } = await verifies(airlock, {}, { store: { ...airlock.store, head } })

  const unshown = violations.filter(({ what }) => what === 'unreadable object')
  expect(unshown.map(({ key }) => key).toSorted()).toEqual(hidden.toSorted())
  expect(unshown[0]).toMatchObject({ detail: expect.stringContaining('BadRequest (400)') })
  expect(unshown.map(({ repair }) => repair)).toEqual([undefined, undefined, undefined])
  expect(violations.filter((violation) => !unshown.includes(violation))).toMatchObject([
    { what: 'asset without object', key: lost.asset.s3Key },
  ])
  await airlock.store.purge(stray)
})

const outages: [what: string, errorFor: (key: string) => Error][] = [
  ['is unavailable', (key) => new StoreUnavailable('HeadObject: SlowDown (503)', key)],
  ['does not have the bucket', (key) => new StoreFailure('HeadBucket: NoSuchBucket (404)', key, { code: 'NoSuchBucket', status: 404 })],
]

test.for(outages)('a store that %s causes no violations: the run ends with its error', async ([, errorFor], { airlock, expect }) => {
  const uploads = await Promise.all([airlock.accepts(dot), airlock.accepts(dot), airlock.accepts(dot)])
  const keys = uploads.map(({ quarantineKey }) => quarantineKey)

  const run = verifies(airlock, {}, { store: { ...airlock.store, head: refuses(airlock, keys, errorFor) } })

  await expect(run).rejects.toThrow(errorFor('').message)
})
