import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { test } from '../database-test.ts'
import { age, claim, goodFile, newDirectUpload, newUpload, plenty, roomy, tooBig } from '../samples.ts'

const expire = (sql: Client, { id }: { id: string }, { secondsAgo }: { secondsAgo: number }) =>
  sql.query('update uploads set expires_at = now() - make_interval(secs => $2) where id = $1', [id, secondsAgo])

const hash = 'ab'.repeat(32)

test('a direct upload is opened with its capability, its sizes and its deadline', async ({ database }) => {
  const upload = newDirectUpload({ expectedHash: hash, clientMetadata: { take: 7 }, actedBy: randomUUID() })

  expect(await database.uploads.openDirect(upload, { ...roomy, openSeconds: 7200 })).toEqual({ registered: true, filesUsed: 1 })

  const opened = await database.uploads.direct(upload.id)
  expect(opened).toMatchObject({ isExpired: false, upload: { ...upload, door: 'direct', state: 'receiving', multipartId: null } })
  expect(opened?.upload.expiresAt?.getTime()).toBe((opened?.upload.createdAt.getTime() ?? 0) + 7_200_000)
})

test('it is accepted without a hash, which a worker stores before it completes it', async ({ database }) => {
  const upload = newDirectUpload({ expectedHash: hash })
  await database.uploads.openDirect(upload, roomy)
  const [accepted] = await database.uploads.accept([goodFile(upload, { contentHash: null })])
  expect(accepted).toMatchObject({ state: 'received', contentHash: null, expectedHash: hash })

  const mine = await claim(database, upload.id)
  expect(mine).toMatchObject({ door: 'direct', contentHash: null, expectedHash: hash })
  await expect(database.uploads.complete(mine, { mediaType: 'image/png', facts: {} })).rejects.toThrow('uploads_accepted_is_whole')
  await database.uploads.learnHash(mine, hash)
  const asset = await database.uploads.complete(mine, { mediaType: 'image/png', facts: {} })
  expect(asset.metadata).toMatchObject({ source: 'direct', content_hash: hash })
})

test('uploads of other doors are no direct uploads', async ({ database }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  expect(await database.uploads.direct(upload.id)).toBeNull()
  expect(await database.uploads.direct(randomUUID())).toBeNull()
  expect(await database.uploads.setMultipartId(upload.id, 'm')).toBe(false)
})

test('the id of the multipart upload is stored once, and only while the upload is open', async ({ database }) => {
  const [upload, ended] = [newDirectUpload(), newDirectUpload()]
  for (const one of [upload, ended]) await database.uploads.openDirect(one, roomy)
  expect(await database.uploads.setMultipartId(upload.id, 'first')).toBe(true)
  expect(await database.uploads.setMultipartId(upload.id, 'first')).toBe(true)
  expect(await database.uploads.setMultipartId(upload.id, 'second')).toBe(false)
  await database.uploads.abandon(ended.id, tooBig, { giveBack: false })
  expect(await database.uploads.setMultipartId(ended.id, 'late')).toBe(false)
  expect((await database.uploads.direct(upload.id))?.upload.multipartId).toBe('first')
})

test('of 100 concurrent opens at two gateways, exactly the limit is let in', {
  meta: { id: 'open-uploads-exact-across-gateways' },
}, async ({ database, other }) => {
  const userId = randomUUID()
  const limit = { ...roomy, openUploads: 20 }
  const open = (i: number) => (i % 2 === 0 ? database : other).uploads.openDirect(newDirectUpload({ userId }), limit)

  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => open(i)))

  expect(answers.filter(({ registered }) => registered)).toHaveLength(20)
  expect(answers.filter(({ registered }) => !registered)).toEqual(Array.from({ length: 80 }, () => ({ registered: false, full: 'open' })))
})

test('the declared bytes of open uploads are limited, and free again when one is accepted or abandoned', async ({ database }) => {
  const userId = randomUUID()
  const limit = { ...roomy, openBytes: 10_000 }
  const open = async (declaredBytes: number) => {
    const upload = newDirectUpload({ userId, declaredBytes })
    return { upload, answer: await database.uploads.openDirect(upload, limit) }
  }
  const first = await open(6000)
  expect(first.answer).toMatchObject({ registered: true })
  expect((await open(4001)).answer).toEqual({ registered: false, full: 'open' })
  expect((await open(4000)).answer).toMatchObject({ registered: true })

  await database.uploads.accept([goodFile(first.upload, { contentHash: null })])
  const third = await open(6000)
  expect(third.answer).toMatchObject({ registered: true })
  await database.uploads.abandon(third.upload.id, tooBig, { giveBack: false })
  expect((await open(6000)).answer).toMatchObject({ registered: true })
})

test('the hourly limit counts direct uploads and forms together', async ({ database }) => {
  const userId = randomUUID()
  const limit = { ...roomy, filesPerHour: 2 }
  await database.uploads.register(newUpload({ userId }), limit)
  expect(await database.uploads.openDirect(newDirectUpload({ userId }), limit)).toEqual({ registered: true, filesUsed: 2 })
  expect(await database.uploads.openDirect(newDirectUpload({ userId }), limit)).toMatchObject({ registered: false, full: 'hour' })
  expect(await database.uploads.register(newUpload({ userId }), limit)).toMatchObject({ registered: false, full: 'hour' })
})

test('only open uploads past their deadline are expired, the longest first; no age makes them stale', async ({ database, sql }) => {
  const [live, late, later, done] = [newDirectUpload(), newDirectUpload(), newDirectUpload(), newDirectUpload()]
  for (const upload of [live, late, later, done]) await database.uploads.openDirect(upload, roomy)
  for (const upload of [live, late, later, done]) await age(sql, upload.id, 100_000)
  await expire(sql, late, { secondsAgo: 3 })
  await expire(sql, later, { secondsAgo: 2 })
  await database.uploads.accept([goodFile(done, { contentHash: null })])
  await expire(sql, done, { secondsAgo: 1 })

  const batch = await database.uploads.expiredDirect({ limit: 1 })
  expect(batch.uploads).toMatchObject([{ id: late.id }])
  const next = await database.uploads.expiredDirect({ limit: 10, after: batch.next })
  expect(next.uploads).toMatchObject([{ id: later.id }])
  const stale = await database.uploads.stale({ olderThanSeconds: 1000, limit: 100 })
  expect(stale.uploads.map(({ id }) => id)).not.toContain(live.id)
  expect((await database.uploads.direct(late.id))?.isExpired).toBe(true)
  expect((await database.uploads.direct(live.id))?.isExpired).toBe(false)
})

test('the sweeper finds expired uploads by an index', async ({ sql }) => {
  await sql.query('begin; set local enable_seqscan = off')
  const { rows } = await sql.query(
    `explain select * from uploads upload where upload.state = 'receiving' and upload.door = 'direct' and upload.expires_at <= now()
     order by upload.expires_at, upload.id limit 200`,
  )
  await sql.query('rollback')
  expect(JSON.stringify(rows)).toContain('uploads_expiring')
})

test.for([
  ['its capability', `capability_hash = repeat('0', 64)`],
  ['its declared size', 'declared_bytes = 1'],
  ['its ETag', `etag = 'another'`],
  ['its hash', `content_hash = repeat('0', 64)`],
  ['its multipart upload', `multipart_id = 'another'`],
])('%s never changes', async ([, change], { database, sql, expect }) => {
  const upload = newDirectUpload()
  await database.uploads.openDirect(upload, roomy)
  await database.uploads.setMultipartId(upload.id, 'first')
  await database.uploads.accept([goodFile(upload, { contentHash: null })])
  await database.uploads.learnHash(await claim(database, upload.id), hash)
  await expect(sql.query(`update uploads set ${change} where id = $1`, [upload.id])).rejects.toThrow('may not change')
})

test.for([
  ['a capability that is not a hash', { capability_hash: 'cap_secret' }, 'uploads_capability_is_hashed'],
  ['an empty file', { declared_bytes: 0 }, 'uploads_declared_size_positive'],
] as const)('the database refuses a new upload with %s', async ([, change, constraint], { database, sql, expect }) => {
  const upload = newDirectUpload()
  await database.uploads.openDirect(upload, roomy)
  const other = { id: randomUUID(), quarantine_key: `quarantine/${randomUUID()}`, ...change }
  const inserted = sql.query('insert into uploads select (jsonb_populate_record(model, $2)).* from uploads as model where id = $1', [
    upload.id,
    other,
  ])
  await expect(inserted).rejects.toMatchObject({ code: '23514', constraint })
})

test.for([
  [
    'an end without a deadline',
    `expires_at = null, state = 'abandoned', abandoned_at = now(), error_code = 'a', error_title = 'b', error_detail = 'c'`,
    'uploads_direct_is_whole',
  ],
  ['another door with a capability', `door = 'form'`, 'uploads_only_direct_is_open'],
])('the database refuses %s', async ([, change, constraint], { database, sql, expect }) => {
  const upload = newDirectUpload()
  await database.uploads.openDirect(upload, roomy)
  await expect(sql.query(`update uploads set ${change} where id = $1`, [upload.id])).rejects.toMatchObject({ code: '23514', constraint })
})
