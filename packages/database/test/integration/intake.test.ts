import { randomUUID } from 'node:crypto'
import { isolatedDatabase } from '@airlock/testkit'
import { expect } from 'vitest'
import { migrate, UnknownUser, UploadNotReceiving } from '../../src/index.ts'
import { connected, openAt, silent, test } from '../database-test.ts'
import { age, claim, goodFile, newUpload, plenty, received, tooBig } from '../samples.ts'

test('a row is written before the first byte of a file is stored', async ({ database }) => {
  const upload = newUpload({ assetType: 'generated_video', projectId: randomUUID(), filename: 'Über uns.mp4', declaredType: 'video/mp4' })

  expect(await database.uploads.register(upload, plenty)).toEqual({ registered: true, filesUsed: 1 })

  expect(await database.uploads.byId(upload.id)).toMatchObject({
    ...upload,
    state: 'receiving',
    counted: true,
    finalKey: null,
    refusal: null,
  })
})

test('a name that is too long or contains characters that Postgres refuses is shortened or replaced', async ({ database }) => {
  const upload = newUpload({ filename: `a\0b${'😀'.repeat(300)}`, declaredType: `image/png;${'x'.repeat(400)}`, requestId: null })
  await database.uploads.register(upload, plenty)
  const kept = await database.uploads.byId(upload.id)
  expect(kept?.filename).toBe(`a\u{fffd}b${'😀'.repeat(252)}`)
  expect(kept?.declaredType).toBe(upload.declaredType.slice(0, 255))
})

test('the first upload creates its user, and a second one leaves it unchanged', async ({ database, sql }) => {
  const userId = randomUUID()
  const user = async () => (await sql.query('select * from users where id = $1', [userId])).rows
  await database.uploads.register(newUpload({ userId }), plenty)
  const made = await user()
  expect(made).toHaveLength(1)
  await database.uploads.register(newUpload({ userId }), plenty)
  expect(await user()).toEqual(made)
})

test('an unknown user is refused if the users table requires more than an id', async () => {
  const { url, drop } = await isolatedDatabase({ empty: true })
  const sql = await connected(url)
  await sql.query('create table users (id uuid primary key, email text not null)')
  await migrate({ url, log: silent })
  const database = await openAt(url)
  const [stranger, ada] = [newUpload(), newUpload()]
  await sql.query(`insert into users values ($1, 'ada@example.com')`, [ada.userId])

  await expect(database.uploads.register(stranger, plenty)).rejects.toThrow(UnknownUser)
  expect(await database.uploads.byId(stranger.id)).toBeNull()
  expect(await database.uploads.register(ada, plenty)).toMatchObject({ registered: true })

  await database.close()
  await sql.end()
  await drop()
})

test('of 200 concurrent files at two gateways, exactly the limit is admitted', {
  meta: { id: 'hourly-limit-exact-across-gateways' },
}, async ({ database, other }) => {
  const userId = randomUUID()
  const limit = { filesPerHour: 100 }

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? database : other).uploads.register(newUpload({ userId }), limit)),
  )

  const [registered, refused] = [answers.filter((answer) => answer.registered), answers.filter((answer) => !answer.registered)]
  expect(registered.map((answer) => answer.filesUsed).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  for (const answer of refused) expect(answer).toMatchObject({ filesUsed: 100 })
})

test('the limit of one user does not affect another', async ({ database }) => {
  const one = { filesPerHour: 1 }
  const userId = randomUUID()
  await database.uploads.register(newUpload({ userId }), one)
  expect(await database.uploads.register(newUpload({ userId }), one)).toMatchObject({ registered: false })
  expect(await database.uploads.register(newUpload(), one)).toMatchObject({ registered: true })
})

test('a refusal contains the seconds until another file is admitted', async ({ database, sql }) => {
  const userId = randomUUID()
  const files = [newUpload({ userId }), newUpload({ userId }), newUpload({ userId })]
  for (const file of files) await database.uploads.register(file, plenty)
  await age(sql, files[0]?.id ?? '', 3000)
  await age(sql, files[1]?.id ?? '', 2000)

  const wait = async (filesPerHour: number) => {
    const answer = await database.uploads.register(newUpload({ userId }), { filesPerHour })
    return answer.registered || answer.full !== 'hour' ? 0 : answer.retryAfterSeconds
  }

  // With a limit of 3 the oldest must be older than an hour, with 2 also the second, with 1 all three.
  expect(await wait(3)).toSatisfy((seconds: number) => seconds > 590 && seconds <= 600)
  expect(await wait(2)).toSatisfy((seconds: number) => seconds > 1590 && seconds <= 1600)
  expect(await wait(1)).toSatisfy((seconds: number) => seconds > 3590 && seconds <= 3600)
})

test('a file no longer counts after an hour', async ({ database, sql }) => {
  const upload = newUpload()
  const one = { filesPerHour: 1 }
  await database.uploads.register(upload, one)
  await age(sql, upload.id, 3601)
  expect(await database.uploads.register(newUpload({ userId: upload.userId }), one)).toEqual({ registered: true, filesUsed: 1 })
})

test('a refused file counts, and one that failed because of us is refunded once', async ({ database }) => {
  const userId = randomUUID()
  const two = { filesPerHour: 2 }
  const [refused, failed] = [newUpload({ userId }), newUpload({ userId })]
  await database.uploads.register(refused, two)
  await database.uploads.register(failed, two)
  await database.uploads.abandon(refused.id, tooBig, { giveBack: false })
  expect(await database.uploads.register(newUpload({ userId }), two)).toMatchObject({ registered: false })

  await database.uploads.abandon(failed.id, tooBig, { giveBack: true })
  await database.uploads.giveBack(failed.id)

  expect(await database.uploads.register(newUpload({ userId }), two)).toEqual({ registered: true, filesUsed: 2 })
  expect(await database.uploads.register(newUpload({ userId }), two)).toMatchObject({ registered: false, filesUsed: 2 })
})

test('all good files of a request are accepted together', async ({ database }) => {
  const userId = randomUUID()
  const uploads = [newUpload({ userId }), newUpload({ userId }), newUpload({ userId })]
  for (const upload of uploads) await database.uploads.register(upload, plenty)
  const files = uploads.map((upload, i) =>
    goodFile(upload, { projectId: randomUUID(), assetType: 'generated_video', sizeBytes: 5_000_000_000 + i }),
  )

  const accepted = await database.uploads.accept(files.toReversed())

  expect(accepted).toMatchObject(files.toReversed().map((file) => ({ ...file, state: 'received', attempt: 0, refusal: null })))
  expect(await database.uploads.byId(uploads[0]?.id ?? '')).toEqual(accepted[2])
})

test('accepting no files does nothing', async ({ database }) => {
  expect(await database.uploads.accept([])).toEqual([])
})

test('a request with an abandoned upload is not accepted at all', async ({ database }) => {
  const uploads = [newUpload(), newUpload(), newUpload()]
  for (const upload of uploads) await database.uploads.register(upload, plenty)
  const [first, second, third] = uploads.map(({ id }) => id)
  expect(await database.uploads.abandon(second ?? '', tooBig, { giveBack: false })).toBe(true)

  await expect(database.uploads.accept(uploads.map((upload) => goodFile(upload)))).rejects.toThrow(UploadNotReceiving)

  expect(await database.uploads.byId(first ?? '')).toMatchObject({ state: 'receiving', finalKey: null })
  expect(await database.uploads.byId(third ?? '')).toMatchObject({ state: 'receiving', finalKey: null })
})

test('with a concurrent sweep, a request is accepted completely or not at all', {
  meta: { id: 'acceptance-meets-sweeper' },
}, async ({ database, other }) => {
  for (let round = 0; round < 20; round += 1) {
    const uploads = [newUpload(), newUpload(), newUpload()]
    for (const upload of uploads) await database.uploads.register(upload, plenty)
    const last = uploads[2]?.id ?? ''

    const [accepted, abandoned] = await Promise.all([
      database.uploads.accept(uploads.map((upload) => goodFile(upload))).catch((error) => error),
      other.uploads.abandon(last, tooBig, { giveBack: false }),
    ])

    const states = await Promise.all(uploads.map(async ({ id }) => (await database.uploads.byId(id))?.state))
    if (abandoned) expect(accepted).toBeInstanceOf(UploadNotReceiving)
    expect(states).toEqual(abandoned ? ['receiving', 'receiving', 'abandoned'] : ['received', 'received', 'received'])
  }
})

test('two requests that share files in another order do not deadlock', async ({ database, other }) => {
  const uploads = Array.from({ length: 10 }, () => newUpload())
  for (const upload of uploads) await database.uploads.register(upload, plenty)
  const files = uploads.map((upload) => goodFile(upload))

  const outcomes = await Promise.allSettled([database.uploads.accept(files), other.uploads.accept(files.toReversed())])

  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: expect.any(UploadNotReceiving) })
})

test('an abandoned upload has a reason, and can be abandoned only once', async ({ database }) => {
  const upload = newUpload()
  await database.uploads.register(upload, plenty)
  expect(await database.uploads.abandon(upload.id, tooBig, { giveBack: false })).toBe(true)
  expect(await database.uploads.abandon(upload.id, tooBig, { giveBack: true })).toBe(false)
  expect(await database.uploads.byId(upload.id)).toMatchObject({ state: 'abandoned', refusal: tooBig, counted: true })
})

test("an accepted upload can't be abandoned", async ({ database }) => {
  const { id } = await received(database)
  expect(await database.uploads.abandon(id, tooBig, { giveBack: true })).toBe(false)
  expect(await claim(database, id)).toMatchObject({ uploadId: id, attempt: 1 })
})

test('an unregistered upload is null', async ({ database }) => {
  expect(await database.uploads.byId(randomUUID())).toBeNull()
})
