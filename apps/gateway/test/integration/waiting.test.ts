import { refusal } from '@airlock/domain'
import { expect } from 'vitest'
import { acceptedIds, Client, photo, type RunningGateway, startGateway, test } from '../gateway.ts'

/** Sends a picture, and asks with `Prefer` to wait for its asset. */
const sends = async (client: Client, prefer: string) => client.picturesWaiting(prefer, await photo())

/** Waits until the n-th upload of a user is accepted. */
async function accepted(gateway: RunningGateway, client: Client, n = 1): Promise<string> {
  const state = async () => (await gateway.uploads(client.id)).at(n - 1)?.state
  await expect.poll(state, { timeout: 20_000 }).toBe('received')
  return (await gateway.uploads(client.id)).at(n - 1)?.id ?? ''
}

test('a client that prefers to wait gets the finished asset with a working URL', async ({ gateway, client }) => {
  const waiting = sends(client, 'wait=20')
  await gateway.promotes(await accepted(gateway, client), { provenance: { present: false } })

  const { status, headers, body } = await waiting
  expect(status).toBe(200)
  expect(headers.get('preference-applied')).toBe('wait=20')
  expect(body.uploads).toMatchObject([
    {
      status: 'completed',
      asset_id: expect.any(String),
      s3_url: expect.stringMatching(/^s3:/),
      expiration_at: expect.any(String),
      error: null,
      provenance: { present: false },
    },
  ])
  expect((await fetch(body.uploads[0].presigned_url)).status).toBe(200)
})

test('waiting ends for a rejected file too, with its reason', async ({ gateway, client }) => {
  const waiting = sends(client, 'respond-async, wait=20')
  const id = await accepted(gateway, client)
  await gateway.database.uploads.cancel(id, refusal('cancelled', { filename: 'photo.jpg' }))

  const { status, body } = await waiting
  expect(status).toBe(200)
  expect(body.uploads).toMatchObject([
    { status: 'rejected', asset_id: null, presigned_url: null, error: { code: 'cancelled' }, provenance: null },
  ])
  await gateway.store.purge(`quarantine/${id}`)
})

test('after the timeout the response is 202 with the current state, and the maximum is 25 s', async ({ gateway, client }) => {
  const started = performance.now()
  const { status, headers, body } = await sends(client, 'wait=1')
  expect(status).toBe(202)
  expect(performance.now() - started).toBeGreaterThan(900)
  expect(headers.get('preference-applied')).toBe('wait=1')
  expect(body.uploads).toMatchObject([{ status: 'queued', asset_id: null }])

  const long = sends(client, 'wait=600')
  await gateway.promotes(await accepted(gateway, client, 2))
  expect((await long).headers.get('preference-applied')).toBe('wait=25')
})

test.for(['wait', 'wait=soon', 'return=minimal'])('a preference without a wait is ignored: %s', async (prefer, { client }) => {
  const { status, headers } = await sends(client, prefer)
  expect(status).toBe(202)
  expect(headers.get('preference-applied')).toBeNull()
})

test('a stopping gateway answers waiting requests at once', async () => {
  const gateway = await startGateway()
  try {
    const client = new Client(gateway.url)
    const started = performance.now()
    const waiting = sends(client, 'wait=25')
    await accepted(gateway, client)
    const finished = gateway.gateway.shutdown.drain()
    expect((await waiting).status).toBe(202)
    await finished
    expect(performance.now() - started).toBeLessThan(10_000)
  } finally {
    await gateway.close()
  }
})

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

interface Streamed {
  id: string
  job: { job_id: string; status: string; asset_id: string | null; error: { code: string } | null }
}

/** Reads an event stream to its end. */
async function* eventsOf(response: Response): AsyncGenerator<Streamed> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = Object.fromEntries(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: (.*)/s).slice(0, 2)),
      )
      text = text.slice(end + 2)
      if (fields.event === 'job') yield { id: fields.id, job: JSON.parse(fields.data) }
    }
  }
}

test('a stream contains a snapshot of the job, and each move up to its end', async ({ gateway, client }) => {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  const response = await fetch(`${gateway.url}/api/jobs/${id}/events`, { headers: await client.headers() })
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(response.headers.get('x-accel-buffering')).toBe('no')

  const events: Streamed[] = []
  for await (const event of eventsOf(response)) {
    events.push(event)
    if (events.length === 1) void gateway.promotes(id)
  }

  expect(events.at(0)?.job.status).toBe('queued')
  expect(events.at(-1)?.job).toMatchObject({ status: 'completed', asset_id: expect.any(String) })
  const ids = events.map((event) => Number(event.id))
  expect(ids).toEqual(ids.toSorted((a, b) => a - b))
})

test('the stream of an ended job is a snapshot and its end; another user’s is refused', async ({ gateway, client }) => {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  await gateway.promotes(id)
  const events = await allOf(eventsOf(await fetch(`${gateway.url}/api/jobs/${id}/events`, { headers: await client.headers() })))
  expect(events).toHaveLength(1)

  expect(await new Client(gateway.url).get(`/api/jobs/${id}/events`)).toMatchObject({ status: 403, body: { code: 'job_not_yours' } })
})

test('HEAD of a stream returns at once', async ({ gateway, client }) => {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  const { status } = await fetch(`${gateway.url}/api/jobs/${id}/events`, { method: 'HEAD', headers: await client.headers() })
  expect(status).toBe(405)
})

test('the number of open streams per user is limited, and a closed one makes room', async ({ gateway, client }) => {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  const leaving = new AbortController()
  const headers = await client.headers()
  const open = (signal?: AbortSignal) => fetch(`${gateway.url}/api/jobs/${id}/events`, { headers, ...(signal && { signal }) })
  const streams = await Promise.all(Array.from({ length: 20 }, () => open(leaving.signal)))
  expect(streams.every(({ status }) => status === 200)).toBe(true)

  const refused = await open()
  expect(refused.status).toBe(429)
  expect(refused.headers.get('retry-after')).toBe('5')
  leaving.abort()
  await expect
    .poll(async () => {
      const again = new AbortController()
      const { status } = await open(again.signal)
      again.abort()
      return status
    })
    .toBe(200)
})

test('one stream contains the moves of several jobs, names those that are unknown, and ends with the last', async ({ gateway, client }) => {
  const ids = acceptedIds(await client.pictures(await photo('a.jpg'), await photo('b.jpg')))
  const [first = '', second = ''] = ids
  const [foreign = ''] = acceptedIds(await new Client(gateway.url).pictures(await photo()))
  const response = await fetch(`${gateway.url}/api/jobs/events?ids=${[first, foreign, second]}`, { headers: await client.headers() })
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const [seen, other] = response.clone().body === null ? [] : [response.clone(), response]

  const events: Streamed[] = []
  for await (const event of eventsOf(other as Response)) {
    events.push(event)
    if (events.length === 2) void gateway.promotes(second).then(() => gateway.promotes(first))
  }

  expect(await seen?.text()).toMatch(new RegExp(`^event: unknown\\ndata: {"unknown":\\["${foreign}"\\]}\\n\\n`))
  const statusesOf = (id: string) => events.filter(({ job }) => job.job_id === id).map(({ job }) => job.status)
  for (const id of ids) {
    expect(statusesOf(id).at(0)).toBe('queued')
    expect(statusesOf(id).at(-1)).toBe('completed')
    expect(new Set(statusesOf(id)).size).toBe(statusesOf(id).length)
  }
  expect(events.at(-1)?.job.job_id).toBe(first)
  await gateway.promotes(foreign)
})

test('a stream of several jobs needs one of the caller, valid ids, and not too many of them', async ({ gateway, client }) => {
  const [foreign = ''] = acceptedIds(await new Client(gateway.url).pictures(await photo()))
  const many = Array.from({ length: 101 }, (_, i) => `0198c0de-0000-7000-8000-000000000${String(i).padStart(3, '0')}`)
  const get = (query: string) => client.get(`/api/jobs/events${query}`)
  expect(await get(`?ids=${foreign}`)).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
  expect(await get('?ids=x')).toMatchObject({ status: 400, body: { code: 'id_malformed' } })
  expect(await get(`?ids=${many}`)).toMatchObject({ status: 400, body: { code: 'too_many_ids' } })
  expect(await get('')).toMatchObject({ status: 400, body: { code: 'request_malformed' } })
  expect(await get(`?ids=${foreign}&status=queued`)).toMatchObject({ status: 400, body: { code: 'query_unknown' } })
  await gateway.promotes(foreign)
})

test('a stream ends when its token does', async ({ gateway, client }) => {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  const token = await client.token({ hours: 2 / 3600 })
  const response = await fetch(`${gateway.url}/api/jobs/${id}/events`, { headers: { authorization: `Bearer ${token}` } })
  const events = await allOf(eventsOf(response))
  expect(events.map(({ job }) => job.status)).toEqual(['queued'])
})

test('all streams share one connection to Postgres', async ({ gateway, client }) => {
  const [id = ''] = acceptedIds(await client.pictures(await photo()))
  const users = Array.from({ length: 10 }, () => client)
  const responses = await Promise.all(
    users.map(async (user) => fetch(`${gateway.url}/api/jobs/${id}/events`, { headers: await user.headers() })),
  )
  const all = Promise.all(responses.map((response) => allOf(eventsOf(response))))
  await gateway.promotes(id)
  for (const events of await all) expect(events.at(-1)?.job.status).toBe('completed')
  expect(await gateway.listeners()).toBe(1)
})
