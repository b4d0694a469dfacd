import { createHash } from 'node:crypto'
import { AirlockError } from '@airlock/domain'
import { type AcceptFromBucketDeps, acceptFromBucket, type VideoInBucket } from '@airlock/lifecycle'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { callerOfRequest, requireScope } from '../auth/caller.ts'
import type { GatewayMetrics } from '../operations/metrics.ts'
import { failures, nullable } from '../responses/schemas.ts'
import { entryOf, uploadEntry } from '../responses/upload.ts'
import { idempotencyKey } from '../upload/repeatable.ts'
import { readExactJson } from './json-body.ts'
import { requestedVideo, VideoRequest } from './video-request.ts'

export interface PipelineRouteDeps extends Omit<AcceptFromBucketDeps, 'log'> {
  /** Buckets from which videos may be fetched. */
  sourceBuckets: readonly string[]
  metrics: Pick<GatewayMetrics, 'countBytes'>
  authenticate: (request: FastifyRequest) => Promise<void>
}

/** Maximum size of a request: metadata and key, with every character escaped in JSON. */
const bodyLimitBytes = 64 * 1024

const Headers = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ description: 'Makes the request idempotent for callers that choose no upload_id' })),
})

const AcceptedVideo = Type.Object(
  {
    ...uploadEntry,
    content_hash: nullable(Type.String({ description: 'SHA-256 in hexadecimal; null until a worker has read the file' })),
  },
  { title: 'AcceptedVideo', description: 'The video is registered, and a worker will fetch it' },
)

/** The pipeline's door for videos in other buckets. */
export const pipelineRoute =
  (deps: PipelineRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    readExactJson(app)

    app.post(
      '/api/pipeline/videos',
      {
        onRequest: async (request) => {
          await deps.authenticate(request)
          requireScope(request, 'service')
        },
        bodyLimit: bodyLimitBytes,
        schema: {
          operationId: 'requestVideo',
          summary: 'Request a video from another bucket (scope service)',
          tags: ['pipeline'],
          headers: Headers,
          body: VideoRequest,
          response: { 202: AcceptedVideo, ...failures },
        },
      },
      async (request, reply) => {
        const { upload, isRepeated } = await acceptFromBucket(videoOf(request, deps), { ...deps, log: request.log }).catch(
          (error: unknown) => {
            throw asKeyConflict(error, request)
          },
        )
        if (isRepeated) reply.header('idempotent-replayed', 'true')
        else deps.metrics.countBytes('pipeline', 'generated_video', upload.sizeBytes ?? 0)
        return reply.code(202).send({ ...entryOf(upload), content_hash: upload.contentHash })
      },
    )
  }

function videoOf(request: FastifyRequest, { sourceBuckets }: PipelineRouteDeps): VideoInBucket {
  const caller = callerOfRequest(request)
  const video = requestedVideo(request.body)
  if (caller.actedBy !== null && caller.id !== video.userId)
    throw new AirlockError('request_malformed', { reason: 'Airlock-On-Behalf-Of and user_id name different users' })
  const { bucket } = video.source
  if (!sourceBuckets.includes(bucket)) throw new AirlockError('source_not_allowed', { bucket })
  const actedBy = caller.actedBy ?? caller.id
  const key = idempotencyKey(request)
  return { ...video, uploadId: video.uploadId ?? (key && idOf(key, actedBy)), requestId: request.id, actedBy }
}

/** A caller does not know the id that was derived from its key, so the error names the key. */
function asKeyConflict(error: unknown, { body }: FastifyRequest): unknown {
  const isTaken = error instanceof AirlockError && error.code === 'upload_id_taken'
  return isTaken && (body as VideoRequest).upload_id === undefined
    ? new AirlockError('idempotency_key_reused', {}, { cause: error })
    : error
}

/** Derives the id from caller and key, so that the same key gets the same id: a UUID of version 8 (RFC 9562, section 5.8). */
function idOf(key: string, caller: string): string {
  const bytes = createHash('sha256').update(`${caller} ${key}`).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
