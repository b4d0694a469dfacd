import { randomUUID } from 'node:crypto'
import { finalKey, inboxKey, refusal } from '@airlock/domain'
import { describe, expect } from 'vitest'
import { ClaimLost, type Database, type NewVideo } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { claim, lapse, newUpload, plenty } from '../samples.ts'

const sound = { mediaType: 'video/mp4', facts: { seconds: 2 } } as const
const hash = 'ab'.repeat(32)

function newVideo(given: Partial<NewVideo> = {}): NewVideo {
  const id = given.id ?? randomUUID()
  const userId = given.userId ?? randomUUID()
  const projectId = given.projectId ?? randomUUID()
  const filename = 'scene.mp4'
  const parts = { uploadId: id, userId, projectId, brandId: null, filename, acceptedAt: new Date() }
  return {
    id,
    userId,
    projectId,
    assetType: 'generated_video',
    filename,
    mediaType: 'video/mp4',
    quarantineKey: inboxKey({ projectId, uploadId: id }),
    source: null,
    finalKey: finalKey({ ...parts, assetType: 'generated_video' }),
    sizeBytes: 4321,
    etag: `"${id}"`,
    expectedHash: null,
    nonce: 'pipeline',
    requestId: null,
    clientMetadata: null,
    actedBy: null,
    priority: 'batch',
    ...given,
  }
}

async function registered({ uploads }: Database, given: Partial<NewVideo> = {}): Promise<NewVideo> {
  const video = newVideo(given)
  expect(await uploads.registerVideo(video, { needsUser: false })).toMatchObject({ outcome: 'registered' })
  return video
}

test('a pipeline video begins as received, creates its user if missing, and does not count towards the hourly limit', async ({
  database,
  sql,
}) => {
  const video = newVideo({ expectedHash: hash, clientMetadata: { scene: 1 } })

  const { outcome, ...rest } = await database.uploads.registerVideo(video, { needsUser: true })

  expect(outcome).toBe('registered')
  expect(rest).toEqual({ upload: await database.uploads.byId(video.id) })
  expect(await database.uploads.byId(video.id)).toMatchObject({
    state: 'received',
    door: 'pipeline',
    userId: video.userId,
    quarantineKey: video.quarantineKey,
    contentHash: null,
    expectedHash: hash,
    counted: false,
    clientMetadata: { scene: 1 },
    priority: 'batch',
    source: null,
  })
  expect((await sql.query('select id from users where id = $1', [video.userId])).rows).toHaveLength(1)
})

test('of twenty concurrent deliveries one writes the row, and all return the same', async ({ database, other }) => {
  const video = newVideo()
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? database : other).uploads.registerVideo(video, { needsUser: false })),
  )
  expect(answers.filter(({ outcome }) => outcome === 'registered')).toHaveLength(1)
  expect(answers.filter(({ outcome }) => outcome === 'known')).toHaveLength(19)
})

test('an id of an upload from another door is reported, and its row is unchanged', async ({ database }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  const before = await database.uploads.byId(upload.id)

  expect(await database.uploads.registerVideo(newVideo({ id: upload.id }), { needsUser: false })).toEqual({
    outcome: 'known',
    upload: before,
  })
  expect(await database.uploads.byId(upload.id)).toEqual(before)
})

test('an upload whose row was removed is recognised by its asset', async ({ database, sql }) => {
  const video = await registered(database)
  const mine = await claim(database, video.id)
  await database.uploads.learnHash(mine, hash)
  await database.uploads.complete(mine, sound)
  await sql.query('delete from uploads where id = $1', [video.id])

  expect(await database.uploads.registerVideo(video, { needsUser: false })).toEqual({ outcome: 'asset', upload: null })
  expect(await database.uploads.byId(video.id)).toBeNull()
})

describe('if the users table belongs to the surrounding product', () => {
  test('a video of an unknown user is recorded only for the door that requires it', async ({ database, sql }) => {
    await sql.query(`create function no_users() returns trigger language plpgsql as $$ begin raise exception 'not yours'; end $$`)
    await sql.query('create trigger no_users before insert on users for each row execute function no_users()')
    const video = newVideo()
    try {
      expect(await database.uploads.registerVideo(video, { needsUser: true })).toEqual({ outcome: 'unknown user', upload: null })
      expect(await database.uploads.byId(video.id)).toBeNull()
      expect(await database.uploads.registerVideo(video, { needsUser: false })).toMatchObject({ outcome: 'ownerless' })
      expect(await database.uploads.byId(video.id)).toMatchObject({ state: 'received' })
    } finally {
      await sql.query('drop trigger no_users on users; drop function no_users()')
    }
  })
})

test("a video can't become an asset without a hash, and the hash can't change", async ({ database, sql }) => {
  const video = await registered(database)
  const mine = await claim(database, video.id)
  await expect(database.uploads.complete(mine, sound)).rejects.toMatchObject({ driverError: { constraint: 'uploads_accepted_is_whole' } })

  await database.uploads.learnHash(mine, hash)
  await expect(sql.query(`update uploads set content_hash = repeat('0', 64) where id = $1`, [video.id])).rejects.toMatchObject({
    constraint: 'uploads_identity_fixed',
  })

  expect(await database.uploads.complete(mine, sound)).toMatchObject({
    metadata: { content_hash: hash, source: 'pipeline', facts: sound.facts },
  })
})

test("a worker that lost its claim can't write the hash", async ({ database, sql }) => {
  const video = await registered(database)
  const mine = await claim(database, video.id)
  await lapse(sql, video.id)
  await claim(database, video.id)
  await expect(database.uploads.learnHash(mine, hash)).rejects.toThrow(ClaimLost)
  expect(await database.uploads.byId(video.id)).toMatchObject({ contentHash: null })
})

test('an empty video is recorded, and can only be rejected', async ({ database }) => {
  const video = await registered(database, { sizeBytes: 0 })
  const mine = await claim(database, video.id)
  await database.uploads.learnHash(mine, hash)
  await expect(database.uploads.complete(mine, sound)).rejects.toMatchObject({ driverError: { constraint: 'uploads_size_positive' } })
  await database.uploads.reject(mine, refusal('empty_file', { filename: video.filename }))
  expect(await database.uploads.byId(video.id)).toMatchObject({ state: 'rejected' })
})

test("the location of a video in another bucket can't change", async ({ database, sql }) => {
  const source = { bucket: 'renders', key: 'final/cut 1.mp4' }
  const video = await registered(database, { source })
  expect(await claim(database, video.id)).toMatchObject({ source })
  await expect(sql.query(`update uploads set source_key = 'other.mp4' where id = $1`, [video.id])).rejects.toMatchObject({
    constraint: 'uploads_identity_fixed',
  })
})

test('a final upload keeps the location of its bytes', async ({ database }) => {
  const video = await registered(database)
  await database.uploads.cancel(video.id, refusal('cancelled', { filename: video.filename }))
  expect(await database.uploads.claim(video.id, { leaseSeconds: 60 })).toEqual({
    claimed: false,
    reason: 'final',
    state: 'rejected',
    quarantineKey: video.quarantineKey,
  })
})

describe('the limit of running videos per project', () => {
  const bounded = { leaseSeconds: 60, projectConcurrency: { maxRunning: 2, retryInMs: 5000 } }
  const ofProject = (database: Database, projectId: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => registered(database, { projectId })))

  test('is exact with concurrent claims, and does not delay other projects', async ({ database, other }) => {
    const flood = await ofProject(database, randomUUID(), 12)
    const [single] = await ofProject(database, randomUUID(), 1)

    const outcomes = await Promise.all(flood.map(({ id }, i) => (i % 2 === 0 ? database : other).uploads.claim(id, bounded)))

    expect(outcomes.filter(({ claimed }) => claimed)).toHaveLength(2)
    expect(outcomes.filter((outcome) => !outcome.claimed && outcome.reason === 'throttled')).toHaveLength(10)
    expect(await database.uploads.claim(single?.id ?? '', bounded)).toMatchObject({ claimed: true })
  })

  test('admits the next one when one ends or its lease expires', { meta: { id: 'dead-worker-frees-project-slot' } }, async ({
    database,
    sql,
  }) => {
    const [first, second, third, fourth] = await ofProject(database, randomUUID(), 4)
    const claimOf = (video: NewVideo | undefined) => database.uploads.claim(video?.id ?? '', bounded)
    for (const video of [first, second]) expect(await claimOf(video)).toMatchObject({ claimed: true })
    expect(await claimOf(third)).toMatchObject({ claimed: false, reason: 'throttled', state: 'received' })

    await database.uploads.cancel(first?.id ?? '', refusal('cancelled', { filename: 'scene.mp4' }))
    expect(await claimOf(third)).toMatchObject({ claimed: true })
    expect(await claimOf(fourth)).toMatchObject({ reason: 'throttled' })

    await lapse(sql, second?.id ?? '')
    expect(await claimOf(fourth)).toMatchObject({ claimed: true })
  })

  test('does not count as an attempt, delays the sweeper, and does not hide a running lease', async ({ database }) => {
    const [first, second, third] = await ofProject(database, randomUUID(), 3)
    for (const video of [first, second]) await database.uploads.claim(video?.id ?? '', bounded)
    await database.uploads.claim(third?.id ?? '', bounded)
    const waiting = await database.uploads.byId(third?.id ?? '')
    expect(waiting).toMatchObject({ attempt: 0, state: 'received', failingSince: null })
    expect(waiting?.nextAttemptAt?.getTime()).toBeGreaterThan(Date.now() + 5000)
    expect(await database.uploads.claim(first?.id ?? '', bounded)).toMatchObject({ reason: 'leased' })
  })

  test('makes videos retry less often, the more of them wait', async ({ database }) => {
    const projectConcurrency = { maxRunning: 1, retryInMs: 100 }
    const asked = async (waiting: number) => {
      const [first, ...flood] = await ofProject(database, randomUUID(), 1 + waiting)
      await database.uploads.claim(first?.id ?? '', { leaseSeconds: 60, projectConcurrency })
      return database.uploads.claim(flood[0]?.id ?? '', { leaseSeconds: 60, projectConcurrency })
    }
    expect(await asked(1)).toMatchObject({ reason: 'throttled', retryInMs: 100 })
    const later = await asked(40)
    expect(later).toMatchObject({ reason: 'throttled', retryInMs: expect.closeTo(2000, -2.5) })
  })

  test('does not apply to uploads through the gateway, or if it is 0', async ({ database }) => {
    const videos = await ofProject(database, randomUUID(), 4)
    const outcomes = await Promise.all(
      videos.map(({ id }) => database.uploads.claim(id, { leaseSeconds: 60, projectConcurrency: { maxRunning: 0, retryInMs: 5000 } })),
    )
    expect(outcomes.every(({ claimed }) => claimed)).toBe(true)
  })
})
