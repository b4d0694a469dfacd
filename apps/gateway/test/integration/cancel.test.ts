import { randomUUID } from 'node:crypto'
import { refusal } from '@airlock/domain'
import { expect } from 'vitest'
import { acceptedIds, answerOf, Client, photo, type RunningGateway, test } from '../gateway.ts'

async function accepted(client: Client): Promise<string> {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  return id
}

const sends = async (gateway: RunningGateway, client: Client, method: string, path: string, scope?: string) =>
  answerOf(
    await fetch(gateway.url + path, {
      method,
      headers: { authorization: `Bearer ${await client.token(scope === undefined ? {} : { scope })}` },
    }),
  )

/** The worker removes the quarantined object of a cancelled upload; here the test does. */
const purge = (gateway: RunningGateway, id: string) => gateway.store.purge(`quarantine/${id}`)

test('a waiting upload is cancelled, and cancelling again changes nothing', async ({ gateway, client }) => {
  const id = await accepted(client)

  for (let i = 0; i < 2; i += 1) {
    expect(await sends(gateway, client, 'DELETE', `/api/jobs/${id}`)).toMatchObject({
      status: 200,
      body: { status: 'rejected', error: { code: 'cancelled' } },
    })
  }
  await purge(gateway, id)
})

test('cancelling takes an upload from its worker', async ({ gateway, client }) => {
  const id = await accepted(client)
  const { uploads } = gateway.database
  const outcome = await uploads.claim(id, { leaseSeconds: 30 })
  if (!outcome.claimed) throw new Error('not claimed')

  expect((await sends(gateway, client, 'DELETE', `/api/jobs/${id}`)).status).toBe(200)
  await expect(uploads.complete(outcome.claim, { mediaType: 'image/jpeg', facts: {} })).rejects.toThrow(/no longer owns/)
  expect((await client.get(`/api/jobs/${id}`)).body.asset_id).toBeNull()
  await purge(gateway, id)
})

test("a completed upload can't be cancelled → 409", async ({ gateway, client }) => {
  const id = await accepted(client)
  await gateway.promotes(id)
  expect(await sends(gateway, client, 'DELETE', `/api/jobs/${id}`)).toMatchObject({ status: 409, body: { code: 'already_completed' } })
})

test('the job of another user, an unknown one, a malformed id', async ({ gateway, client }) => {
  const id = await accepted(client)
  expect(await sends(gateway, new Client(gateway.url), 'DELETE', `/api/jobs/${id}`)).toMatchObject({
    status: 403,
    body: { code: 'job_not_yours' },
  })
  expect(await sends(gateway, client, 'DELETE', `/api/jobs/${randomUUID()}`)).toMatchObject({
    status: 404,
    body: { code: 'job_not_found' },
  })
  expect(await sends(gateway, client, 'DELETE', '/api/jobs/x')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
  expect((await client.get(`/api/jobs/${id}`)).body.status).toBe('queued')
})

test('several jobs are returned in the requested order; those of other users as unknown', async ({ gateway, client }) => {
  const ids = [await accepted(client), await accepted(client)]
  const foreign = await accepted(new Client(gateway.url))

  const { status, body } = await client.get(`/api/jobs?ids=${ids[1]},${foreign},${ids[0]}`)

  expect(status).toBe(200)
  expect(body.jobs.map(({ job_id }: { job_id: string }) => job_id)).toEqual([ids[1], ids[0]])
  expect(body.unknown).toEqual([foreign])
  expect(await client.get('/api/jobs?ids=1,2')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
  expect(await client.get(`/api/jobs?ids=${Array.from({ length: 101 }, () => randomUUID()).join(',')}`)).toMatchObject({
    status: 400,
    body: { code: 'too_many_ids' },
  })
})

test('only an operator can retry a failed upload', async ({ gateway, client }) => {
  const id = await accepted(client)
  const { uploads } = gateway.database
  const outcome = await uploads.claim(id, { leaseSeconds: 30 })
  if (!outcome.claimed) throw new Error('not claimed')
  await uploads.park(outcome.claim, refusal('processing_failed', { filename: 'photo.jpg' }), 'S3 was unavailable')

  expect(await sends(gateway, client, 'POST', `/api/jobs/${id}/retry`)).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  const operator = new Client(gateway.url)
  expect(await sends(gateway, operator, 'POST', `/api/jobs/${id}/retry`, 'service ops')).toMatchObject({
    status: 200,
    body: { status: 'queued', error: null },
  })
  expect(await sends(gateway, operator, 'POST', `/api/jobs/${id}/retry`, 'ops')).toMatchObject({
    status: 409,
    body: { code: 'not_parked' },
  })
  expect(await sends(gateway, operator, 'POST', `/api/jobs/${randomUUID()}/retry`, 'ops')).toMatchObject({ status: 404 })
  await gateway.promotes(id)
})
