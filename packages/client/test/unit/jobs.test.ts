import { expect } from 'vitest'
import type { Job } from '../../src/node.ts'
import { accepted, assetId, failureOf, goodRoutes, job, jobId, picture, problem, test } from '../fake-gateway.ts'

const otherId = '0198c0de-0000-7000-8000-000000000002'

async function statusesOf(jobs: AsyncIterable<Job>): Promise<string[]> {
  const statuses: string[] = []
  for await (const { job_id, status } of jobs) statuses.push(job_id === jobId ? status : `other ${status}`)
  return statuses
}

const list = (...jobs: Partial<Job>[]) => ({ json: { jobs, unknown: [], next_cursor: null } })

test('several jobs are followed by one stream until all have ended', async ({ gateway, client }) => {
  const jobs = [job('queued'), job('processing', { job_id: otherId }), job('completed'), job('rejected', { job_id: otherId })]
  gateway.routes = { 'GET /api/jobs/events': [{ jobs }] }

  const statuses = await statusesOf(client().jobs.follow([jobId, otherId]))

  expect(statuses).toEqual(['queued', 'other processing', 'completed', 'other rejected'])
  expect(gateway.requests.map(({ path, query }) => `${path} ${query.get('ids')}`)).toEqual([`/api/jobs/events ${jobId},${otherId}`])
})

test('after a stream that breaks, the jobs are polled and followed on, and no state comes twice', async ({ gateway, client }) => {
  gateway.routes = {
    'GET /api/jobs/events': [{ jobs: [job('queued')], after: 'reset' }, 'reset', { jobs: [job('processing'), job('completed')] }],
    'GET /api/jobs': [list(job('queued')), list(job('processing'))],
  }
  expect(await statusesOf(client().jobs.follow(jobId))).toEqual(['queued', 'processing', 'completed'])
})

const withoutStreams = {
  'an older gateway': { status: 400, json: problem('id_malformed') },
  'a proxy that answers with a page': { text: '<html></html>' },
}
test.for(Object.entries(withoutStreams))('jobs are polled at %s', async ([, reply], { gateway, client }) => {
  gateway.routes = { 'GET /api/jobs/events': [reply], 'GET /api/jobs': [list(job('queued')), list(job('queued')), list(job('completed'))] }

  expect(await statusesOf(client().jobs.follow(jobId))).toEqual(['queued', 'completed'])
  expect(gateway.to('GET /api/jobs/events')).toHaveLength(1)
})

test('an unknown job, a refused token and a gateway that stays away end the following with an error', async ({ gateway, client }) => {
  gateway.routes = { 'GET /api/jobs/events': ['reset'], 'GET /api/jobs': [{ json: { jobs: [], unknown: [jobId], next_cursor: null } }] }
  expect(await failureOf(statusesOf(client().jobs.follow(jobId)))).toMatchObject({ code: 'job_not_found', jobId })

  gateway.routes = {
    'GET /api/jobs/events': [{ status: 401, json: problem('token_invalid') }],
    'GET /api/jobs': [{ status: 401, json: problem('token_invalid') }],
  }
  expect(await failureOf(statusesOf(client().jobs.follow(jobId)))).toMatchObject({ code: 'token_invalid', status: 401 })

  gateway.routes = { 'GET /api/jobs/events': ['reset'], 'GET /api/jobs': ['reset'] }
  const impatient = client({ retry: { forMs: 100, firstMs: 10 } })
  expect(await failureOf(statusesOf(impatient.jobs.follow(jobId)))).toMatchObject({ code: 'network_error' })

  gateway.routes = { 'GET /api/jobs/events': [{ jobs: [job('completed')] }] }
  expect(await statusesOf(impatient.jobs.follow(jobId))).toEqual(['completed'])
})

test('a job that the stream names as unknown is an error at once', async ({ gateway, client }) => {
  const response = { headers: { 'content-type': 'text/event-stream' }, text: `event: unknown\ndata: {"unknown":["${jobId}"]}\n\n` }
  gateway.routes = { 'GET /api/jobs/events': [response], 'GET /api/jobs': ['hang'] }
  expect(await failureOf(statusesOf(client().jobs.follow(jobId)))).toMatchObject({ code: 'job_not_found' })
})

test('JSON of another server ends the following with an error', async ({ gateway, client }) => {
  gateway.routes = { 'GET /api/jobs/events': [{ json: {} }], 'GET /api/jobs': [{ json: { message: 'hello' } }] }
  const failure = await failureOf(statusesOf(client({ retry: { forMs: 200, firstMs: 10 } }).jobs.follow(jobId)))
  expect(failure).toMatchObject({ name: 'AirlockError', code: 'unexpected_response' })
})

test('following ends when it is aborted, and when the caller leaves the loop', async ({ gateway, client }) => {
  gateway.routes = { 'GET /api/jobs/events': [{ jobs: [job('queued')], after: 'hold' }] }
  const signal = AbortSignal.timeout(200)
  expect(await failureOf(statusesOf(client().jobs.follow(jobId, { signal })))).toMatchObject({ code: 'aborted' })

  const airlock = client()
  for await (const { status } of airlock.jobs.follow(jobId)) {
    expect(status).toBe('queued')
    break
  }
  await expect.poll(() => gateway.streams).toBe(0)
  const before = gateway.requests.length
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(gateway.requests.length).toBe(before)
})

test('uploads that run at the same time share one stream at a time', async ({ gateway, client }) => {
  const ids = Array.from({ length: 30 }, (_, i) => `0198c0de-0000-7000-8000-0000000001${String(i).padStart(2, '0')}`)
  let sent = 0
  let open = 0
  let most = 0
  gateway.routes = {
    ...goodRoutes,
    'POST /api/upload': [() => accepted(ids[sent++])],
    'GET /api/jobs/events': [
      ({ query }) => {
        most = Math.max(most, ++open)
        setTimeout(() => open--, 20)
        return {
          jobs:
            query
              .get('ids')
              ?.split(',')
              .map((id) => job('completed', { job_id: id })) ?? [],
        }
      },
    ],
  }
  const airlock = client()

  const assets = await Promise.all(ids.map(() => airlock.upload(picture(), { assetType: 'brand_image' })))

  expect(assets.every(({ asset_id }) => asset_id === assetId)).toBe(true)
  expect(most).toBeLessThan(4)
  expect(gateway.to('GET /api/jobs/events').length).toBeLessThan(15)
})

test('more jobs than one stream takes are polled, a hundred per request', async ({ gateway, client }) => {
  const ids = Array.from({ length: 150 }, (_, i) => `0198c0de-0000-7000-8000-000000000${String(i).padStart(3, '0')}`)
  gateway.routes = {
    'GET /api/jobs': [({ query }) => list(...(query.get('ids') ?? '').split(',').map((id) => job('completed', { job_id: id })))],
  }
  expect(await statusesOf(client().jobs.follow(ids))).toHaveLength(150)
  expect(gateway.requests.map(({ query }) => query.get('ids')?.split(',').length)).toEqual([100, 50])
})

test('options become the query of a request, in its notation', async ({ gateway, client }) => {
  const page = { json: { assets: [], next_cursor: null } }
  gateway.routes = {
    'GET /api/assets': [page],
    'GET /api/jobs': [list()],
    'GET /api/assets/a%2Fb/presigned': [{ json: {} }],
    'DELETE /api/assets/a': [{ status: 204 }],
    'PUT /api/brands/b/product-images': [{ json: {} }],
  }
  const { assets, brands, jobs } = client()
  await assets.list({ assetType: 'brand_image', createdAfter: '2026-11-24T00:00:00Z', cursor: undefined })
  await jobs.list({ ids: ['a', 'b'] })
  await assets.presign('a/b', { expirationHours: 1 })
  await assets.delete('a', { force: true })
  await brands.setProductImages('b', ['x', 'y'])
  expect(gateway.requests.map(({ method, path, query }) => `${method} ${path}?${decodeURIComponent(query.toString())}`)).toEqual([
    'GET /api/assets?asset_type=brand_image&created_after=2026-11-24T00:00:00Z',
    'GET /api/jobs?ids=a,b',
    'GET /api/assets/a%2Fb/presigned?expiration_hours=1',
    'DELETE /api/assets/a?force=true',
    'PUT /api/brands/b/product-images?',
  ])
  expect(JSON.parse(String(gateway.requests[4]?.body))).toEqual({ asset_ids: ['x', 'y'] })
})

test('the event feed is read page by page from a cursor, through failures', async ({ gateway, client }) => {
  gateway.routes = {
    'GET /api/events': [
      { json: { events: [{ type: 'a' }], next: 'c1' } },
      'reset',
      { json: { events: [], next: 'c1' } },
      { json: { events: [], next: 'c2' } },
      { status: 410, json: problem('cursor_gone') },
    ],
  }
  const pages: unknown[] = []
  const reading = async () => {
    for await (const page of client().events.consume('c0', { types: ['upload.completed'] })) pages.push(page)
  }
  expect(await failureOf(reading())).toMatchObject({ code: 'cursor_gone', status: 410 })
  expect(pages).toEqual([
    { events: [{ type: 'a' }], next: 'c1' },
    { events: [], next: 'c2' },
  ])
  expect(gateway.requests.map(({ query }) => query.get('after'))).toEqual(['c0', 'c1', 'c1', 'c1', 'c2'])
  expect(gateway.requests[0]?.query.get('types')).toBe('upload.completed')
})
