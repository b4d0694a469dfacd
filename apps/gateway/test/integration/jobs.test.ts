import { randomUUID } from 'node:crypto'
import { refusal } from '@airlock/domain'
import { expect } from 'vitest'
import { acceptedIds, answerOf, Client, photo, test } from '../gateway.ts'

async function accepted(client: Client): Promise<string> {
  const [id] = acceptedIds(await client.pictures(await photo()))
  if (id === undefined) throw new Error('nothing was accepted')
  return id
}

test('a job is queued, then processing, then completed with its asset', async ({ gateway, client }) => {
  const id = await accepted(client)
  const queued = await client.get(`/api/jobs/${id}`)
  expect(queued).toMatchObject({
    status: 200,
    body: {
      job_id: id,
      status: 'queued',
      progress: 0,
      attempts: 0,
      filename: 'photo.jpg',
      asset_type: 'brand_image',
      asset_id: null,
      error: null,
    },
  })
  expect(queued.headers.get('retry-after')).toBe('1')

  const claimed = await gateway.database.uploads.claim(id, { leaseSeconds: 30 })
  expect(await client.get(`/api/jobs/${id}`)).toMatchObject({ body: { status: 'processing', attempts: 1 } })

  if (claimed.claimed) await gateway.database.uploads.retryLater(claimed.claim, 'the test lets go')
  await gateway.promotes(id)
  const completed = await client.get(`/api/jobs/${id}`)
  expect(completed.body).toMatchObject({ status: 'completed', progress: 1, asset_id: expect.any(String), error: null, attempts: 2 })
  expect(completed.headers.get('retry-after')).toBeNull()
})

test('a rejected job has its reason, and a parked one is failed', async ({ gateway, client }) => {
  const { uploads } = gateway.database
  const [bad, stuck] = [await accepted(client), await accepted(client)]
  const [first, second] = [await uploads.claim(bad, { leaseSeconds: 30 }), await uploads.claim(stuck, { leaseSeconds: 30 })]
  if (!first.claimed || !second.claimed) throw new Error('not claimed')
  await uploads.reject(first.claim, refusal('file_corrupt', { filename: 'photo.jpg', reason: 'it ends too early' }))
  await gateway.store.purge(first.claim.quarantineKey)
  await uploads.park(second.claim, refusal('processing_failed', { filename: 'photo.jpg' }), 'S3 returned 500')

  expect((await client.get(`/api/jobs/${bad}`)).body).toMatchObject({
    status: 'rejected',
    error: { code: 'file_corrupt', error: 'File is damaged', detail: "File 'photo.jpg' can't be read: it ends too early." },
  })
  const failed = await client.get(`/api/jobs/${stuck}`)
  expect(failed.body).toMatchObject({ status: 'failed', error: { code: 'processing_failed' } })
  expect(JSON.stringify(failed.body)).not.toContain('S3')
})

test('an unknown job → 404, a malformed id → 400, another user’s job → 403', async ({ gateway, client }) => {
  const id = await accepted(client)

  expect(await client.get(`/api/jobs/${randomUUID()}`)).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
  expect(await client.get('/api/jobs/1234')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
  expect(await new Client(gateway.url).get(`/api/jobs/${id}`)).toMatchObject({ status: 403, body: { code: 'job_not_yours' } })
  expect(await client.get(`/api/jobs/${id.toUpperCase()}`)).toMatchObject({ status: 200 })
})

test('a file that was never accepted is not a job', async ({ gateway, client }) => {
  await client.pictures({ name: 'empty.png', bytes: new Uint8Array() })
  const [refused] = await gateway.uploads(client.id)
  expect(await client.get(`/api/jobs/${refused?.id}`)).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
})

test('an unknown path → 404, a wrong method → 405 with Allow, both as error bodies', async ({ gateway }) => {
  const nowhere = await answerOf(await fetch(`${gateway.url}/api/nothing?x=1`))
  expect(nowhere).toMatchObject({
    status: 404,
    body: { code: 'route_not_found', detail: 'GET /api/nothing does not exist.', request_id: expect.any(String) },
  })

  const wrong = await answerOf(await fetch(`${gateway.url}/api/upload`, { method: 'PUT' }))
  expect(wrong).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
  expect(wrong.headers.get('allow')).toBe('POST, OPTIONS')
})

test('a request keeps its given id if it is valid', async ({ gateway }) => {
  const ask = (id: string) => fetch(`${gateway.url}/health/live`, { headers: { 'x-request-id': id } })

  expect((await ask('trace-42.a_b')).headers.get('x-request-id')).toBe('trace-42.a_b')
  expect((await ask('no spaces, please')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test('ids may be in one parameter or several, and pending ones cause Retry-After', async ({ gateway, client }) => {
  const [first, second] = [await accepted(client), await accepted(client)]
  const unknown = randomUUID()

  for (const query of [`ids=${first},${second},${unknown}`, `ids=${first}&ids=${second}&ids=${unknown}`]) {
    const { status, body, headers } = await client.get(`/api/jobs?${query}`)
    expect({ status, unknown: body.unknown, next: body.next_cursor }).toEqual({ status: 200, unknown: [unknown], next: null })
    expect(body.jobs.map(({ job_id }: { job_id: string }) => job_id)).toEqual([first, second])
    expect(headers.get('retry-after')).toBe('1')
  }

  await gateway.promotes(first)
  expect((await client.get(`/api/jobs?ids=${first}`)).headers.get('retry-after')).toBeNull()
})

test('a user can list all their uploads in pages, and no others', async ({ gateway, client }) => {
  const ids: string[] = []
  for (let i = 0; i < 5; i += 1) ids.push(await accepted(client))
  await gateway.promotes(ids[1] as string)
  await accepted(new Client(gateway.url))

  const found: string[] = []
  let cursor: string | null = null
  do {
    const page = await client.get(`/api/jobs?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`)
    expect(page.status).toBe(200)
    expect(page.body.unknown).toEqual([])
    expect(page.headers.get('retry-after')).toBe('1')
    found.push(...page.body.jobs.map(({ job_id }: { job_id: string }) => job_id))
    cursor = page.body.next_cursor
  } while (cursor !== null)

  expect(found).toEqual(ids.toReversed())
  const { jobs } = (await client.get('/api/jobs?status=completed')).body
  expect(jobs).toMatchObject([{ job_id: ids[1], status: 'completed', asset_id: expect.any(String) }])
  const { body: since } = await client.get(
    `/api/jobs?since=${encodeURIComponent((await client.get(`/api/jobs/${ids[3]}`)).body.created_at)}`,
  )
  expect(since.jobs.map(({ job_id }: { job_id: string }) => job_id)).toEqual([ids[4], ids[3]])
  expect((await new Client(gateway.url).get('/api/jobs')).body).toEqual({ jobs: [], unknown: [], next_cursor: null })
})

test.for([
  { query: 'status=done', code: 'request_malformed' },
  { query: 'since=yesterday', code: 'request_malformed' },
  { query: 'limit=101', code: 'request_malformed' },
  { query: 'cursor=abc', code: 'cursor_malformed' },
  { query: `ids=${randomUUID()}&status=failed`, code: 'request_malformed' },
  { query: 'ids=', code: 'id_malformed' },
])('a list of jobs with $query → $code', async ({ query, code }, { client, expect }) => {
  expect(await client.get(`/api/jobs?${query}`)).toMatchObject({ status: 400, body: { code } })
})

/** The earliest and latest timestamps of RFC 3339, also with offsets that lead outside years 0 to 9999, and one with an unusual offset. */
const farMoments = [
  '0000-01-01T00:00:00Z',
  '0000-01-01T00:00:00+23:59',
  '0047-01-21T12:33:51.992458+15:24',
  '9999-12-31T23:59:59.999999Z',
  '9999-12-31T23:59:59-23:59',
]

test.for(farMoments)('since=%s is valid', async (moment, { client, expect }) => {
  const at = encodeURIComponent(moment)
  const paths = [`jobs?since=${at}`, `assets?created_after=${at}`, `assets?created_before=${at}`]

  const answers = await Promise.all(paths.map((path) => client.get(`/api/${path}`)))

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
})
