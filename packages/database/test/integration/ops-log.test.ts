import { randomUUID } from 'node:crypto'
import { refusal } from '@airlock/domain'
import { expect } from 'vitest'
import type { OperatorNote } from '../../src/index.ts'
import { test } from '../database-test.ts'
import { claimed, parked, promoted, received, tooBig } from '../samples.ts'

const ada: OperatorNote = { operator: 'ada@bastion', reason: 'the store is back', requestId: null }
const cancelled = refusal('cancelled_by_operator', { filename: 'logo.png' })

test('every change of an upload by an operator is logged, with the state and code before it', async ({ database }) => {
  const { uploads, opsLog } = database
  const [retried, released, waiting] = [await parked(database), await parked(database), await received(database)]

  await uploads.retryParked(retried.uploadId, ada)
  await uploads.cancel(retried.uploadId, cancelled, { ...ada, requestId: 'request-7' })
  await uploads.releaseParked(released.uploadId, tooBig, { ...ada, reason: null })
  await uploads.cancel(waiting.id, cancelled, ada)

  const log = (id: string) => opsLog.ofUpload(id, { limit: 10 })
  expect(await log(retried.uploadId)).toEqual([
    {
      ...ada,
      at: expect.any(Date),
      action: 'retry',
      uploadId: retried.uploadId,
      lane: null,
      details: { from: 'parked', code: 'processing_failed' },
    },
    {
      ...ada,
      requestId: 'request-7',
      at: expect.any(Date),
      action: 'cancel',
      uploadId: retried.uploadId,
      lane: null,
      details: { from: 'received' },
    },
  ])
  expect(await log(released.uploadId)).toMatchObject([{ action: 'release', reason: null, operator: 'ada@bastion' }])
  expect(await log(waiting.id)).toMatchObject([{ action: 'cancel', details: { from: 'received' } }])
  expect(await opsLog.ofUpload(retried.uploadId, { limit: 1 })).toMatchObject([{ action: 'cancel' }])
})

test('a move that did not happen is not logged, and neither is one of an owner', async ({ database }) => {
  const { uploads, opsLog } = database
  const [waiting, asset, own] = [await received(database), await promoted(database), await parked(database)]
  const completed = asset.uploadId ?? ''

  expect(await uploads.retryParked(waiting.id, ada)).toBe(false)
  expect(await uploads.releaseParked(waiting.id, tooBig, ada)).toBe(false)
  expect(await uploads.cancel(completed, cancelled, ada)).toMatchObject({ cancelled: false })
  await uploads.cancel(own.uploadId, tooBig)

  for (const id of [waiting.id, completed, own.uploadId]) expect(await opsLog.ofUpload(id, { limit: 10 })).toEqual([])
})

test('of an upload that is retried and released by ten at once, one move happens and is logged', {
  meta: { id: 'operators-at-once' },
}, async ({ database, other }) => {
  for (let round = 0; round < 10; round += 1) {
    const { uploadId } = await parked(database)

    const moved = await Promise.all(
      Array.from({ length: 10 }, (_, i) => {
        const { uploads } = i % 2 === 0 ? database : other
        return i % 3 === 0 ? uploads.releaseParked(uploadId, tooBig, ada) : uploads.retryParked(uploadId, ada)
      }),
    )

    expect(moved.filter(Boolean)).toHaveLength(1)
    const log = await database.opsLog.ofUpload(uploadId, { limit: 10 })
    const { state } = (await database.uploads.byId(uploadId)) ?? {}
    expect(log.map(({ action }) => action)).toEqual([state === 'rejected' ? 'release' : 'retry'])
  }
})

test('a change whose row of the log cannot be written does not happen', { meta: { id: 'no-change-without-log' } }, async ({
  database,
  sql,
}) => {
  const [upload, running] = [await parked(database), await claimed(database)]
  await sql.query(`alter table ops_log add constraint full_disk check (operator <> 'ada@bastion') not valid`)

  await expect(database.uploads.retryParked(upload.uploadId, ada)).rejects.toThrow(/full_disk/)
  await expect(database.uploads.releaseParked(upload.uploadId, tooBig, ada)).rejects.toThrow(/full_disk/)
  await expect(database.uploads.cancel(running.uploadId, cancelled, ada)).rejects.toThrow(/full_disk/)
  await sql.query('alter table ops_log drop constraint full_disk')

  expect(await database.uploads.byId(upload.uploadId)).toMatchObject({ state: 'parked' })
  expect(await database.uploads.byId(running.uploadId)).toMatchObject({ state: 'processing' })
})

test('texts that Postgres cannot store are logged nevertheless', async ({ database }) => {
  const { uploadId } = await parked(database)
  const note = { operator: `eve\0${'x'.repeat(500)}`, reason: 'a lone \ud800', requestId: '\0' }

  expect(await database.uploads.retryParked(uploadId, note)).toBe(true)

  const [entry] = await database.opsLog.ofUpload(uploadId, { limit: 10 })
  expect(entry).toMatchObject({ reason: 'a lone \ufffd', requestId: '\ufffd' })
  expect(entry?.operator).toHaveLength(200)
})

test('old rows are deleted in batches, the oldest first', async ({ database, sql }) => {
  const { opsLog } = database
  await sql.query('truncate ops_log')
  const uploadId = randomUUID()
  for (const reason of ['a', 'b', 'c', 'd']) await opsLog.write({ ...ada, reason, action: 'pause', lane: 'videos', uploadId })
  await sql.query(`update ops_log set at = now() - interval '10 days' - (ascii(reason) || ' ms')::interval where reason <> 'd'`)

  expect(await opsLog.prune({ olderThanDays: 11, limit: 10 })).toBe(0)
  expect(await opsLog.prune({ olderThanDays: 10, limit: 2 })).toBe(2)
  expect((await opsLog.ofUpload(uploadId, { limit: 10 })).map(({ reason }) => reason)).toEqual(['a', 'd'])
  expect(await opsLog.prune({ olderThanDays: 10, limit: 2 })).toBe(1)
  expect(await opsLog.ofUpload(uploadId, { limit: 10 })).toMatchObject([{ action: 'pause', lane: 'videos', details: {} }])
})
