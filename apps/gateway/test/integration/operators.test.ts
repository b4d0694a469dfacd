import { randomUUID } from 'node:crypto'
import { refusal } from '@airlock/domain'
import { finalHeaders } from '@airlock/lifecycle'
import { expect } from 'vitest'
import { acceptedIds, Client, photo, type RunningGateway, test } from '../gateway.ts'

async function accepted(client: Client): Promise<string> {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  return id
}

/** An upload whose attempts are exhausted. */
async function parkedBy(client: Client, { database: { uploads } }: RunningGateway): Promise<string> {
  const id = await accepted(client)
  const outcome = await uploads.claim(id, { leaseSeconds: 30 })
  if (!outcome.claimed) throw new Error('not claimed')
  await uploads.park(outcome.claim, refusal('processing_failed', { filename: 'photo.jpg' }), 'S3 was unavailable')
  return id
}

/** An operator with a token of the scope ops, who owns no upload. */
const operatorAt = ({ url }: RunningGateway) => new Client(url, randomUUID(), 'ops')

const logOf = ({ database }: RunningGateway, id: string) => database.opsLog.ofUpload(id, { limit: 10 })

/** The worker removes the bytes of what has ended; here the test does. */
const purge = (gateway: RunningGateway, id: string) => gateway.store.purge(`quarantine/${id}`)

test('an operator releases a parked upload: its owner sees why, and releasing again changes nothing', async ({ gateway, client }) => {
  const id = await parkedBy(client, gateway)
  const operator = operatorAt(gateway)
  const released = { status: 200, body: { job_id: id, status: 'rejected', error: { code: 'upload_released' }, user_id: client.id } }

  expect(await operator.sends('POST', `/api/jobs/${id}/release?reason=the%20bucket%20is%20gone`)).toMatchObject(released)
  expect(await operator.sends('POST', `/api/jobs/${id}/release`)).toMatchObject(released)

  const { body } = await client.get(`/api/jobs/${id}`)
  expect(body).toMatchObject({ status: 'rejected', error: { detail: expect.stringContaining("'photo.jpg'") } })
  expect(body).not.toHaveProperty('user_id')
  const { events } = await gateway.database.events.after({ after: 0, limit: 1000 })
  expect(events.filter(({ uploadId }) => uploadId === id)).toEqual([]) // no relay runs here
  expect(await logOf(gateway, id)).toMatchObject([
    { operator: operator.id, action: 'release', reason: 'the bucket is gone', requestId: expect.any(String), details: { from: 'parked' } },
  ])
  await purge(gateway, id)
})

test('only operators may release, and only what is parked', async ({ gateway, client }) => {
  const [id, waiting, cancelled] = [await parkedBy(client, gateway), await accepted(client), await accepted(client)]
  await client.sends('DELETE', `/api/jobs/${cancelled}`)
  const operator = operatorAt(gateway)
  const service = new Client(gateway.url, client.id, 'service')

  for (const caller of [client, service])
    expect(await caller.sends('POST', `/api/jobs/${id}/release`)).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  expect((await client.get(`/api/jobs/${id}`)).body.status).toBe('failed')
  for (const other of [waiting, cancelled])
    expect(await operator.sends('POST', `/api/jobs/${other}/release`)).toMatchObject({ status: 409, body: { code: 'not_parked' } })
  expect(await operator.sends('POST', `/api/jobs/${randomUUID()}/release`)).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
  expect(await operator.sends('POST', '/api/jobs/x/release')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })

  for (const one of [id, waiting, cancelled]) expect(await logOf(gateway, one)).toEqual([])
  await client.sends('DELETE', `/api/jobs/${id}`)
  await client.sends('DELETE', `/api/jobs/${waiting}`)
  for (const one of [id, waiting, cancelled]) await purge(gateway, one)
})

test('an upload that had become an asset before a restore is not released, but completed', async ({ gateway, client }) => {
  const id = await accepted(client)
  const outcome = await gateway.database.uploads.claim(id, { leaseSeconds: 30 })
  if (!outcome.claimed) throw new Error('not claimed')
  const { claim } = outcome
  const headers = finalHeaders({ ...claim, contentHash: claim.contentHash ?? '' }, { ok: true, mediaType: 'image/jpeg', facts: {} })
  await gateway.store.copyToFinal(claim.quarantineKey, claim.finalKey, { ifEtag: claim.etag, sizeBytes: claim.sizeBytes, headers })
  await purge(gateway, id)
  await gateway.database.uploads.park(claim, refusal('upload_vanished', { filename: 'photo.jpg' }), 'it is gone')

  const answer = await operatorAt(gateway).sends('POST', `/api/jobs/${id}/release`)

  expect(answer).toMatchObject({ status: 409, body: { code: 'already_completed' } })
  expect((await client.get(`/api/jobs/${id}`)).body.status).toBe('queued')
  expect(await logOf(gateway, id)).toMatchObject([{ action: 'retry' }])
  await gateway.promotes(id)
})

test('two operators who retry at once: one succeeds, and one row is logged', async ({ gateway, client }) => {
  const id = await parkedBy(client, gateway)

  const answers = await Promise.all([1, 2].map(() => operatorAt(gateway).sends('POST', `/api/jobs/${id}/retry?reason=again`)))

  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409])
  expect(await logOf(gateway, id)).toMatchObject([{ action: 'retry', reason: 'again' }])
  await gateway.promotes(id)
})

test('an operator sees and cancels the upload of any user, and the owner sees who cancelled it', async ({ gateway, client }) => {
  const id = await accepted(client)
  const operator = operatorAt(gateway)

  expect(await operator.get(`/api/jobs/${id}`)).toMatchObject({ status: 200, body: { job_id: id, user_id: client.id } })
  expect(await operator.get(`/api/jobs?ids=${id}`)).toMatchObject({ status: 200, body: { jobs: [{ job_id: id }], unknown: [] } })
  for (let i = 0; i < 2; i += 1)
    expect(await operator.sends('DELETE', `/api/jobs/${id}?reason=spam`)).toMatchObject({ status: 200, body: { status: 'rejected' } })

  expect((await client.get(`/api/jobs/${id}`)).body.error).toMatchObject({
    code: 'cancelled_by_operator',
    detail: "The upload of 'photo.jpg' was cancelled by an operator.",
  })
  expect(await logOf(gateway, id)).toMatchObject([{ operator: operator.id, action: 'cancel', reason: 'spam' }])
  await purge(gateway, id)
})

test('what an operator does with an own upload is what every owner does', async ({ gateway }) => {
  const operator = operatorAt(gateway)
  const [first, second] = [await accepted(operator), await accepted(operator)]

  await operator.sends('DELETE', `/api/jobs/${first}`)
  await operator.sends('DELETE', `/api/jobs/${second}?reason=a%20test`)

  expect((await operator.get(`/api/jobs/${first}`)).body.error.code).toBe('cancelled')
  expect(await logOf(gateway, first)).toEqual([])
  expect((await operator.get(`/api/jobs/${second}`)).body.error.code).toBe('cancelled_by_operator')
  expect(await logOf(gateway, second)).toMatchObject([{ action: 'cancel', reason: 'a test' }])
  for (const id of [first, second]) await purge(gateway, id)
})

test('a user cannot give a reason, list others, or filter by code', async ({ gateway, client }) => {
  const id = await accepted(client)
  const other = await accepted(new Client(gateway.url))

  expect(await client.sends('DELETE', `/api/jobs/${id}?reason=mine`)).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  for (const user of ['all', client.id, randomUUID()])
    expect(await client.get(`/api/jobs?user=${user}`)).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  expect(await client.get('/api/jobs?code=cancelled')).toMatchObject({ status: 400, body: { code: 'request_malformed' } })
  expect(await client.get(`/api/jobs/${other}`)).toMatchObject({ status: 403, body: { code: 'job_not_yours' } })
  expect(await client.get(`/api/jobs?ids=${other}`)).toMatchObject({ body: { jobs: [], unknown: [other] } })
  expect((await client.get('/api/jobs')).body.jobs.map(({ job_id }: { job_id: string }) => job_id)).toEqual([id])
  await gateway.promotes(id)
  await gateway.promotes(other)
})

test('an operator lists the uploads of one or all users, in pages', async ({ gateway, client }) => {
  const theirs = [await parkedBy(client, gateway), await parkedBy(client, gateway), await accepted(client)]
  const other = new Client(gateway.url)
  const elsewhere = await parkedBy(other, gateway)
  const operator = operatorAt(gateway)
  const listed = async (query: string): Promise<string[]> => {
    const ids: string[] = []
    let cursor: string | null = null
    do {
      const { status, body } = await operator.get(`/api/jobs?${query}${cursor === null ? '' : `&cursor=${cursor}`}`)
      expect(status).toBe(200)
      ids.push(...body.jobs.map(({ job_id }: { job_id: string }) => job_id))
      cursor = body.next_cursor
    } while (cursor !== null)
    return ids
  }

  expect(await listed(`user=${client.id}&limit=1`)).toEqual(theirs.toReversed())
  expect(await listed(`user=${client.id}&status=failed&code=processing_failed`)).toEqual([theirs[1], theirs[0]])
  expect(await listed(`user=${client.id}&code=cancelled`)).toEqual([])
  expect((await listed('user=all&status=failed&limit=2')).slice(0, 3)).toEqual([elsewhere, theirs[1], theirs[0]])
  const { updated_at: since } = (await operator.get(`/api/jobs/${elsewhere}`)).body
  expect(await listed(`user=all&since=${since}`)).toEqual([elsewhere])
  expect(await listed('')).toEqual([])
  expect(await operator.get('/api/jobs?user=everybody')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
  expect(await operator.get('/api/jobs?user=all&code=no_such_code')).toMatchObject({ status: 400, body: { code: 'request_malformed' } })

  for (const id of [...theirs, elsewhere]) {
    await operator.sends('DELETE', `/api/jobs/${id}`)
    await purge(gateway, id)
  }
})
