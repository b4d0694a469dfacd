import { EventEmitter } from 'node:events'
import type { UploadRecord } from '@airlock/database'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import type { MoveFeed } from '../../src/following/move-feed.ts'
import { OpenStreams, streamJobs } from '../../src/following/stream-job.ts'
import type { Job } from '../../src/responses/job.ts'

test('a stream whose client disconnects while an event is prepared ends at once, and no longer counts', async () => {
  const raw = Object.assign(new EventEmitter(), { writeHead() {}, write: () => true, end() {} })
  const caller = { id: 'anna', expiresAtMs: Date.now() + 60_000 }
  const streams = new OpenStreams()
  const upload = { id: 'an upload', state: 'processing', version: 1 } as UploadRecord
  const deps = {
    feed: { follow: () => () => {}, draining: new AbortController().signal } as unknown as MoveFeed,
    streams,
    read: async () => [upload],
    asJobs: async () => {
      raw.emit('close')
      return [{ job_id: upload.id } as Job]
    },
  }

  await streamJobs(
    { ids: [upload.id] },
    { caller } as FastifyRequest,
    { raw, hijack() {}, getHeaders: () => ({}) } as unknown as FastifyReply,
    deps,
  )

  const leaves = Array.from({ length: 20 }, () => streams.enter(caller as never))
  expect(leaves).toHaveLength(20)
})
