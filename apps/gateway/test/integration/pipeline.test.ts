import { randomUUID } from 'node:crypto'
import { migrate } from '@airlock/database'
import { defaultSizeLimits } from '@airlock/domain'
import { s3ObjectStore } from '@airlock/storage'
import { type IsolatedBucket, isolatedBucket, privateServer } from '@airlock/testkit'
import { storeOptions } from '@airlock/testkit/airlock'
import { test as base, expect } from 'vitest'
import { type Answer, answerOf, Client, type RunningGateway, sample, startGateway } from '../gateway.ts'

const path = '/api/pipeline/videos'
const key = 'project 7/final cut.mp4'
const unknownId = '0190a000-0000-7000-8000-000000000009'

interface Pipeline {
  gateway: RunningGateway
  /** A bucket of the pipeline, which contains one video. */
  renders: IsolatedBucket
}

const test = base
  .extend(
    'pipeline',
    { scope: 'file' }, // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the pattern to know what a fixture needs
    async ({}, { onCleanup }): Promise<Pipeline> => {
      const renders = await isolatedBucket()
      await renders.put(key, await sample('good/scene-01.mp4'))
      const gateway = await startGateway({ sourceBuckets: [renders.bucket, unknownBucket] })
      onCleanup(async () => {
        await gateway.close()
        await renders.drop()
      })
      return { gateway, renders }
    },
  )
  .extend('service', ({ pipeline }) => new Service(pipeline))

const unknownBucket = `no-${randomUUID()}`

/** A video pipeline, with a token of scope `service`. */
class Service extends Client {
  readonly #url: string
  readonly #bucket: string

  constructor({ gateway, renders }: Pipeline) {
    super(gateway.url)
    this.#url = gateway.url
    this.#bucket = renders.bucket
  }

  video(given: object = {}): Record<string, unknown> {
    const source = { bucket: this.#bucket, key }
    return { user_id: randomUUID(), project_id: randomUUID(), source, filename: 'final cut.mp4', ...given }
  }

  async posts(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const authorization = `Bearer ${await this.token({ scope: 'service' })}`
    return this.postText(JSON.stringify(body), { authorization, 'content-type': 'application/json', ...headers })
  }

  async postText(body: string, headers: Record<string, string>): Promise<Answer> {
    return answerOf(await fetch(this.#url + path, { method: 'POST', headers, body }))
  }
}

const rowsOf = ({ gateway }: Pipeline, userId: unknown) => gateway.uploads(userId as string)

test('a video in another bucket is accepted, enqueued, becomes an asset of its user, and stays where it was', async ({
  pipeline,
  service,
}) => {
  const { gateway, renders } = pipeline
  const video = service.video({ metadata: { scene: 7, ratio: 0.1, 'final?': true }, priority: 'interactive' })

  const answer = await service.posts(video)

  const id = answer.body.upload_id
  expect(answer).toMatchObject({ status: 202 })
  expect(answer.body).toEqual({
    upload_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
    job_id: id,
    status: 'queued',
    status_url: `/api/jobs/${id}`,
    filename: 'final cut.mp4',
    asset_type: 'generated_video',
    size_bytes: (await sample('good/scene-01.mp4')).byteLength,
    mime_type: 'video/mp4',
    content_hash: null,
    created_at: expect.any(String),
  })
  expect(await rowsOf(pipeline, video.user_id)).toMatchObject([{ id, state: 'received', counted: false }])
  expect(await gateway.jobQueue.failureOf('videos', id)).toBeNull()
  expect(await gateway.jobQueue.ensureEnqueued('videos', { uploadId: id })).toBe(false) // it is already enqueued

  await gateway.promotes(id)
  const owner = new Client(gateway.url, video.user_id as string)
  const job = await owner.get(answer.body.status_url)
  expect(job).toMatchObject({ status: 200, body: { status: 'completed', filename: 'final cut.mp4' } })
  const asset = await owner.get(`/api/assets/${job.body.asset_id}`)
  expect(asset.body.metadata).toEqual(video.metadata)
  expect(Buffer.from(await (await fetch(asset.body.presigned_url)).arrayBuffer())).toEqual(await sample('good/scene-01.mp4'))
  expect(await renders.keys()).toEqual([key])
})

test('the requesting service is recorded, also if it acts for a user by header', async ({ pipeline, service }) => {
  const video = service.video()
  const { body } = await service.posts(video, { 'airlock-on-behalf-of': video.user_id as string })
  expect(await pipeline.gateway.database.uploads.byId(body.upload_id)).toMatchObject({ userId: video.user_id, actedBy: service.id })

  const other = await service.posts(video, { 'airlock-on-behalf-of': randomUUID() })
  expect(other).toMatchObject({ status: 400, body: { code: 'request_malformed', detail: expect.stringContaining('different users') } })
})

test('repeating an upload id returns the same upload in every state; another video with it is refused', async ({ pipeline, service }) => {
  const video = service.video({ upload_id: randomUUID().toUpperCase() })
  const first = await service.posts(video)
  expect(first).toMatchObject({ status: 202, body: { upload_id: String(video.upload_id).toLowerCase(), status: 'queued' } })
  const again = await service.posts(video)
  expect(again.body).toEqual(first.body)
  expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])

  await pipeline.gateway.promotes(first.body.upload_id)
  const { content_hash: hash, ...later } = (await service.posts(video)).body
  expect(later).toMatchObject({ upload_id: first.body.upload_id, status: 'completed' })
  expect(hash).toMatch(/^[0-9a-f]{64}$/)
  for (const other of [{ user_id: randomUUID() }, { project_id: randomUUID() }, { source: { ...(video.source as object), key: 'b.mp4' } }])
    expect(await service.posts({ ...video, ...other })).toMatchObject({ status: 409, body: { code: 'upload_id_taken' } })
  expect(await rowsOf(pipeline, video.user_id)).toHaveLength(1)
})

test('an id of an upload from another door is refused as taken', async ({ pipeline, service }) => {
  const { gateway } = pipeline
  const user = new Client(gateway.url)
  const project = randomUUID()
  const file = { name: 'scene.mp4', type: 'video/mp4', bytes: await sample('good/scene-01.mp4') }
  const form = await user.uploads(['asset_type', 'generated_video'], ['project_id', project], file)
  const [{ upload_id }] = form.body.uploads

  const answer = await service.posts(service.video({ upload_id, user_id: user.id, project_id: project }))

  expect(answer).toMatchObject({ status: 409, body: { code: 'upload_id_taken' } })
  await gateway.promotes(upload_id)
})

test('an Idempotency-Key can replace the id, separately for each caller', async ({ pipeline, service }) => {
  const video = service.video()
  const headers = { 'idempotency-key': 'cut 7' }
  const first = await service.posts(video, headers)
  expect(first.status).toBe(202)
  expect((await service.posts(video, headers)).body).toEqual(first.body)
  expect((await service.posts(video, { 'idempotency-key': 'cut 8' })).body.upload_id).not.toBe(first.body.upload_id)
  expect((await new Service(pipeline).posts(video, headers)).body.upload_id).not.toBe(first.body.upload_id)
  const other = await service.posts({ ...video, project_id: randomUUID() }, headers)
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  const both = await service.posts({ ...video, upload_id: randomUUID() }, headers)
  expect(both.body.upload_id).not.toBe(first.body.upload_id)
  expect(await service.posts(video, { 'idempotency-key': '' })).toMatchObject({ status: 400, body: { code: 'idempotency_key_malformed' } })
})

test('requests without a token or scope are refused before anything else', async ({ pipeline, service }) => {
  const json = { 'content-type': 'application/json' }
  const body = JSON.stringify(service.video())
  expect(await service.postText(body, json)).toMatchObject({ status: 401, body: { code: 'token_missing' } })
  for (const scope of [undefined, 'ops']) {
    const authorization = `Bearer ${await service.token(scope === undefined ? {} : { scope })}`
    expect(await service.postText(body, { ...json, authorization })).toMatchObject({ status: 403, body: { code: 'scope_missing' } })
  }
  expect(await pipeline.renders.keys()).toEqual([key])
})

test('a bucket that is not on the list is never accessed, not even our own', async ({ pipeline, service }) => {
  for (const bucket of [pipeline.gateway.bucket.bucket, 'https://example.com/a.mp4', `${pipeline.renders.bucket}/..`]) {
    const answer = await service.posts(service.video({ source: { bucket, key } }))
    expect(answer).toMatchObject({
      status: 403,
      body: { code: 'source_not_allowed', detail: expect.stringContaining(bucket.slice(0, 70)) },
    })
  }
})

test('no key refers to another bucket', async ({ pipeline, service }) => {
  const { bucket } = pipeline.renders
  for (const key of [
    '../other/a.mp4',
    'a/./b.mp4',
    'a/..',
    String.raw`a\..\..\other\a.mp4`,
    'a\u0000.mp4',
    '\ud800.mp4',
    'ä'.repeat(513),
    '',
  ]) {
    const answer = await service.posts(service.video({ source: { bucket, key } }))
    expect(answer, key).toMatchObject({ status: 400, body: { code: 'field_malformed', detail: expect.stringContaining("'source.key'") } })
  }
})

test('a missing object or bucket is 404, and nothing is recorded', async ({ pipeline, service }) => {
  const sources = [
    { bucket: pipeline.renders.bucket, key: 'nothing.mp4' },
    { bucket: unknownBucket, key },
  ]
  for (const source of sources) {
    const video = service.video({ source })
    const answer = await service.posts(video)
    expect(answer).toMatchObject({ status: 404, body: { code: 'source_not_found', detail: expect.stringContaining(source.bucket) } })
    expect(await rowsOf(pipeline, video.user_id)).toEqual([])
  }
})

const unfit: { what: string; sample: string | null; filename?: string; status: number; code: string }[] = [
  { what: 'empty', sample: null, status: 400, code: 'empty_file' },
  { what: 'a picture', sample: 'good/logo.png', status: 400, code: 'type_mismatch' },
  { what: 'not named like a video', sample: 'good/scene-01.mp4', filename: 'final.exe', status: 400, code: 'extension_not_allowed' },
  { what: 'without a usable name', sample: 'good/scene-01.mp4', filename: '..', status: 400, code: 'filename_invalid' },
  { what: 'with too long a name', sample: 'good/scene-01.mp4', filename: `${'a'.repeat(252)}.mp4`, status: 400, code: 'filename_too_long' },
]

test.for(unfit)('a file that is $what is refused at once, and nothing is recorded', async (file, { pipeline, service, expect }) => {
  const source = { bucket: pipeline.renders.bucket, key: 'unfit.mp4' }
  await pipeline.renders.put(source.key, file.sample === null ? Buffer.alloc(0) : await sample(file.sample))
  const video = service.video({ source, ...(file.filename !== undefined && { filename: file.filename }) })
  expect(await service.posts(video)).toMatchObject({ status: file.status, body: { code: file.code } })
  expect(await rowsOf(pipeline, video.user_id)).toEqual([])
})

const malformed: { what: string; given: object; detail: string }[] = [
  { what: 'no user', given: { user_id: undefined }, detail: "The field 'user_id' must be a UUID." },
  { what: 'a user that is not a UUID', given: { user_id: 'me' }, detail: "The field 'user_id' must be a UUID." },
  { what: 'no project', given: { project_id: undefined }, detail: "The field 'project_id' must be a UUID." },
  { what: 'an invalid upload id', given: { upload_id: 7 }, detail: "'upload_id' must be a UUID; a repeated one names the same video." },
  {
    what: 'a URL as its source',
    given: { source: 'https://example.com/a.mp4' },
    detail: "'source' must be an object with bucket and key, never a URL.",
  },
  { what: 'no key', given: { source: { bucket: 'renders' } }, detail: "The field 'source.key' must be the object's key" },
  { what: 'no name', given: { filename: undefined }, detail: "The field 'filename' must be a text, the display name." },
  {
    what: 'a hash of another length',
    given: { sha256: 'AB'.repeat(32) },
    detail: "'sha256' must be the SHA-256 of the file's bytes, 64 hex digits",
  },
  { what: 'nested metadata', given: { metadata: { a: { b: 1 } } }, detail: "The field 'metadata' must be a JSON object of at most 4 KiB" },
  { what: 'metadata that is null', given: { metadata: null }, detail: "The field 'metadata' must be a JSON object of at most 4 KiB" },
  { what: 'too much metadata', given: { metadata: { a: 'x'.repeat(4096) } }, detail: "'metadata' must be a JSON object of at most 4 KiB" },
  { what: 'metadata with a NUL', given: { metadata: { a: '\0' } }, detail: 'without NUL' },
  { what: 'an unknown priority', given: { priority: 'urgent' }, detail: "The field 'priority' must be 'interactive' or 'batch'" },
  { what: 'an unknown field', given: { projectId: unknownId }, detail: "field 'projectId' does not exist" },
  {
    what: 'an unknown field in its source',
    given: { source: { bucket: 'a', key: 'b', url: 'c' } },
    detail: "field 'source.url' does not exist",
  },
]

test.for(malformed)('a request with $what gets a helpful detail', async ({ given, detail }, { service, expect }) => {
  const answer = await service.posts(service.video(given))
  expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining(detail) } })
  expect(answer.body.code).toBe(detail.startsWith('field ') ? 'request_malformed' : 'field_malformed')
})

test('a body that is not a JSON object, too large, or has an inexact number gets a helpful detail', async ({ service }) => {
  const authorization = `Bearer ${await service.token({ scope: 'service' })}`
  const post = (body: string, type = 'application/json') => service.postText(body, { authorization, 'content-type': type })
  const malformed = { status: 400, body: { code: 'request_malformed' } }
  for (const body of ['', '{', '[]', 'null', '"a"', '['.repeat(30_000), `{"filename": "${'x'.repeat(70_000)}"}`])
    expect(await post(body), body.slice(0, 20)).toMatchObject(malformed)
  const video = JSON.stringify(service.video({ metadata: { order: 1 } }))
  const changed = await post(video.replace('"order":1', '"order":12345678901234567890'))
  expect(changed).toMatchObject({
    status: 400,
    body: { code: 'field_malformed', detail: expect.stringContaining('write longer ones as strings') },
  })
  expect(await post(video, 'text/plain')).toMatchObject({ status: 415, body: { code: 'not_json' } })
})

test('a file that is too large for a video is 413', async ({ pipeline, service }) => {
  const sizeLimits = { ...defaultSizeLimits, generated_video: 1000 }
  const gateway = await startGateway({ sourceBuckets: [pipeline.renders.bucket], sizeLimits }, pipeline.gateway)
  try {
    const answer = await new Service({ ...pipeline, gateway }).posts(service.video())
    expect(answer).toMatchObject({ status: 413, body: { code: 'file_too_large' } })
  } finally {
    await gateway.close()
  }
})

test('while Redis is unavailable a video is accepted', { meta: { id: 'bucket-video-redis-unavailable' }, timeout: 60_000 }, async ({
  pipeline,
  service,
}) => {
  const server = await privateServer('redis')
  const gateway = await startGateway({ sourceBuckets: [pipeline.renders.bucket], redisUrl: server.address.url }, pipeline.gateway)
  try {
    await server.stop()
    expect(await new Service({ ...pipeline, gateway }).posts(service.video())).toMatchObject({ status: 202, body: { status: 'queued' } })
  } finally {
    await gateway.close()
    await server.drop()
  }
})

test.for(['stopped', 'frozen'] as const)(
  'with the store %s a video gets 503 within 5 s, and then at once',
  { meta: { id: 'bucket-video-store-unavailable' }, timeout: 60_000 },
  async (how) => {
    const server = await privateServer('s3')
    const bucket = await isolatedBucket(server.address)
    const renders = await isolatedBucket(server.address)
    await renders.put(key, await sample('good/scene-01.mp4'))
    const store = s3ObjectStore({ ...storeOptions(bucket), callTimeoutMs: 30_000 })
    const gateway = await startGateway({ store, sourceBuckets: [renders.bucket] })
    try {
      const service = new Service({ gateway, renders })
      expect((await service.posts(service.video())).status).toBe(202)
      await (how === 'stopped' ? server.stop() : server.pause())
      const started = performance.now()
      const video = service.video()
      for (const _ of ['first', 'later']) {
        const answer = await service.posts(video)
        expect(answer).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } })
        expect(answer.headers.get('retry-after')).toBe('5')
      }
      expect(performance.now() - started).toBeLessThan(5000)
      expect(await gateway.uploads(video.user_id as string)).toEqual([])
    } finally {
      await gateway.close()
      await server.drop()
    }
  },
)

test('while Postgres is unavailable a video gets 503, and nothing is enqueued', {
  meta: { id: 'bucket-video-postgres-unavailable' },
  timeout: 60_000,
}, async ({ pipeline }) => {
  const server = await privateServer('postgres')
  await migrate({ url: server.address.url, log: { info: () => {}, warn: () => {} } })
  const gateway = await startGateway({ databaseUrl: server.address.url, sourceBuckets: [pipeline.renders.bucket] })
  try {
    const service = new Service({ ...pipeline, gateway })
    await server.stop()
    const video = service.video({ upload_id: unknownId })
    expect(await service.posts(video)).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
    expect(await gateway.jobQueue.ensureEnqueued('videos', { uploadId: unknownId })).toBe(true) // there was no job
  } finally {
    await gateway.close()
    await server.drop()
  }
})
