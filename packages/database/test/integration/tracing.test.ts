import { randomUUID } from 'node:crypto'
import { finalKey, inboxKey, type SpanOptions } from '@airlock/domain'
import { expect } from 'vitest'
import type { NewVideo, TracedEvent } from '../../src/index.ts'
import { test as base, openAt } from '../database-test.ts'
import { goodFile, newUpload, plenty, promoted, received } from '../samples.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** A database with tracing, whose spans are recorded. */
const test = base.extend('traced', { scope: 'file' }, async ({ url }, { onCleanup }) => {
  const spans: SpanOptions[] = []
  const tracing = {
    trace: <T>(span: SpanOptions, work: () => Promise<T>) => {
      spans.push(span)
      return work()
    },
    traceparent: () => traceparent,
  }
  const database = await openAt(url, { tracing })
  onCleanup(() => database.close())
  return { database, spans }
})

const traceOf = async ({ uploads }: { uploads: { byId(id: string): Promise<{ traceparent: string | null } | null> } }, id: string) =>
  (await uploads.byId(id))?.traceparent

function newVideo(): NewVideo {
  const [id, userId, projectId] = [randomUUID(), randomUUID(), randomUUID()]
  const named = { uploadId: id, userId, projectId, brandId: null, filename: 'scene.mp4', acceptedAt: new Date() }
  return {
    ...newUpload({ id, userId }),
    projectId,
    assetType: 'generated_video',
    filename: 'scene.mp4',
    mediaType: 'video/mp4',
    quarantineKey: inboxKey({ projectId, uploadId: id }),
    source: null,
    finalKey: finalKey({ ...named, assetType: 'generated_video' }),
    sizeBytes: 4321,
    etag: '"1"',
    expectedHash: null,
    clientMetadata: null,
    actedBy: null,
    priority: 'batch',
  }
}

test('the row of an upload stores the trace of its acceptance, and none without tracing', async ({ database, traced }) => {
  const withTrace = await received(traced.database)
  const without = await received(database)

  expect(await traceOf(database, withTrace.id)).toBe(traceparent)
  expect(await traceOf(database, without.id)).toBeNull()
})

test('the row of a video stores the trace of its registration; a repetition does not change it', async ({ database, traced }) => {
  const [first, second] = [newVideo(), newVideo()]
  const { upload } = await traced.database.uploads.registerVideo(first, { needsUser: false })
  await database.uploads.registerVideo(second, { needsUser: false })
  await traced.database.uploads.registerVideo(second, { needsUser: false })

  expect(upload?.traceparent).toBe(traceparent)
  expect(await traceOf(database, first.id)).toBe(traceparent)
  expect(await traceOf(database, second.id)).toBeNull()
})

test('the relay and webhooks get the stored trace of each event, only with tracing', async ({ database, traced }) => {
  const endpoint = 'shop.example.com#00000001'
  await database.webhooks.register([endpoint])
  const { uploadId } = await promoted(traced.database)
  await promoted(database)
  const events: TracedEvent[] = []
  const onTraced = (some: readonly TracedEvent[]) => void events.push(...some)
  expect(await traced.database.eventRelay.place({ limit: 10, onTraced })).toBe(2)
  expect(await traced.database.eventRelay.place({ limit: 10, onTraced })).toBe(0)
  expect(events).toEqual([{ type: 'upload.completed', uploadId, traceparent }])

  await database.webhooks.fanOut(endpoint, { limit: 10 })
  const due = { limit: 10, leaseSeconds: 0 }
  const traces = (deliveries: readonly { event: { uploadId: string }; traceparent: string | null }[]) =>
    deliveries.map((delivery) => [delivery.event.uploadId === uploadId, delivery.traceparent])
  expect(traces(await traced.database.webhooks.due(endpoint, due))).toEqual([
    [true, traceparent],
    [false, null],
  ])
  expect(traces(await database.webhooks.due(endpoint, due))).toEqual([
    [true, null],
    [false, null],
  ])
})

test('each statement is a span with its text and without its values', async ({ traced }) => {
  const { database, spans } = traced
  spans.length = 0
  const upload = newUpload({ filename: 'a secret.png' })
  await database.uploads.register(upload, plenty)
  await database.uploads.accept([goodFile(upload)])
  await database.uploads.claim(upload.id, { leaseSeconds: 60 })
  await database.uploads.giveBack(upload.id)
  await database.events.prune({ olderThanDays: 30, limit: 1 })

  expect(spans.map(({ name }) => name)).toEqual([
    'select uploads_register',
    'update uploads',
    'select uploads_claim',
    'update uploads',
    'begin',
    'delete from events',
    'commit',
  ])
  expect(JSON.stringify(spans)).not.toMatch(new RegExp(`secret|${upload.id}|${upload.userId}`))
})
