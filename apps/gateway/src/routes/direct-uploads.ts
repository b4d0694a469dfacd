import type { DirectUpload } from '@airlock/database'
import { AirlockError } from '@airlock/domain'
import { abortDirect, type CompletedDirect, completeDirect, listDirectParts, signDirectParts } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { authenticateForUpload, CapabilityQuery } from '../direct/capability.ts'
import { OpenRequest, requestedUploads } from '../direct/open-request.ts'
import { type OpenUploadsDeps, openUploads } from '../direct/open-uploads.ts'
import type { AccessRecorder } from '../operations/access-log.ts'
import type { GatewayMetrics } from '../operations/metrics.ts'
import { asAirlockError } from '../plugins/errors.ts'
import {
  CompletedUploads,
  OpenAnswer,
  openAnswer,
  PartsRequest,
  SignedParts,
  StoredParts,
  signedParts,
  storedParts,
} from '../responses/direct.ts'
import { ById, failures, Problem, ProblemBody } from '../responses/schemas.ts'
import { uploadAnswer } from '../responses/upload.ts'
import { type FinishedDeps, preferredWait } from '../upload/prefer-wait.ts'
import { checkedBody, readExactJson } from './json-body.ts'
import { answerWhenEnded, limitHeadersOf, refuseAll } from './upload.ts'

export interface DirectRouteDeps extends OpenUploadsDeps, FinishedDeps {
  jobQueue: Pick<JobQueue, 'enqueue' | 'ensureEnqueued'>
  accesses: AccessRecorder
  metrics: Pick<GatewayMetrics, 'countFiles' | 'countBytes'>
  authenticate: (request: FastifyRequest) => Promise<void>
  /** @throws StoreUnavailable, DatabaseUnavailable */
  assertUploadsPossible: () => void
}

/** Maximum size of a request to open uploads: ten names and the metadata, with every character escaped in JSON. */
const bodyLimitBytes = 256 * 1024

/** `Retry-After` for a user with too many open uploads: there is room as soon as one is completed or aborted. */
const openRetrySeconds = 60

const compiledParts = Compile(PartsRequest)

const WaitHeaders = Type.Object({
  prefer: Type.Optional(Type.String({ description: 'wait=N: wait up to N seconds (at most 25) for the finished asset (RFC 7240)' })),
})

declare module 'fastify' {
  interface FastifyRequest {
    /** The upload that the path names, set by the hook of routes for one direct upload. */
    direct: DirectUpload | null
  }
}

/** The door of files that go straight to the object store (docs/direct-uploads.md). */
export const directRoutes =
  (deps: DirectRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    const { metrics, direct: settings } = deps
    const tags = ['uploads']
    readExactJson(app)
    app.decorateRequest('direct', null)
    const ofUpload = async (request: FastifyRequest) => {
      request.direct = await authenticateForUpload(request, deps)
    }

    app.post(
      '/api/uploads',
      {
        onRequest: async (request) => {
          await deps.authenticate(request)
          deps.assertUploadsPossible()
        },
        bodyLimit: bodyLimitBytes,
        schema: {
          operationId: 'openUploads',
          summary: 'Open uploads that go straight to the object store',
          tags,
          body: OpenRequest,
          response: { 201: OpenAnswer, '4xx': Problem, '5xx': ProblemBody },
        },
      },
      async (request, reply) => {
        const expiresAt = new Date(Date.now() + settings.openSeconds * 1000)
        const { opened, refused } = await openUploads(requestedUploads(request.body), request, deps)
        if (refused.some(({ code }) => code === 'open_uploads_limit_reached')) reply.header('retry-after', openRetrySeconds)
        if (opened.length === 0) return refuseAll(refused, deps.filesPerHour, request, reply)
        limitHeadersOf(refused, deps.filesPerHour, reply)
        return reply.code(201).send(openAnswer(opened, refused, expiresAt))
      },
    )

    app.post(
      '/api/uploads/:id/parts',
      {
        onRequest: ofUpload,
        schema: {
          operationId: 'signParts',
          summary: 'Sign URLs for parts of a direct upload',
          tags,
          params: ById,
          querystring: CapabilityQuery,
          body: PartsRequest,
          response: { 200: SignedParts, ...failures },
        },
      },
      async (request) => {
        const { numbers } = checkedBody<{ numbers: number[] }>(compiledParts, PartsRequest, request.body)
        return signedParts(await signDirectParts(directOf(request), numbers, settings, deps))
      },
    )

    app.get(
      '/api/uploads/:id/parts',
      {
        onRequest: ofUpload,
        schema: {
          operationId: 'listParts',
          summary: 'List the parts of a direct upload that the object store has',
          tags,
          params: ById,
          querystring: CapabilityQuery,
          response: { 200: StoredParts, ...failures },
        },
      },
      async (request) => storedParts(await listDirectParts(directOf(request), deps)),
    )

    app.post(
      '/api/uploads/:id/complete',
      {
        onRequest: ofUpload,
        schema: {
          operationId: 'completeUpload',
          summary: 'Complete a direct upload',
          tags,
          params: ById,
          querystring: CapabilityQuery,
          headers: WaitHeaders,
          response: { 200: CompletedUploads, 202: CompletedUploads, ...failures },
        },
      },
      async (request, reply) => {
        const { upload } = await completed(request, deps)
        const answer = uploadAnswer([{ index: 0, upload }], [])
        const waitSeconds = preferredWait(request.headers)
        if (waitSeconds === null) return reply.code(202).send(answer)
        return answerWhenEnded(answer, waitSeconds, reply, deps)
      },
    )

    app.delete(
      '/api/uploads/:id',
      {
        onRequest: ofUpload,
        schema: {
          operationId: 'abortUpload',
          summary: 'Abort a direct upload, or cancel it once it is completed',
          tags,
          params: ById,
          querystring: CapabilityQuery,
          response: { 204: Type.Null({ description: 'It will not become an asset' }), ...failures },
        },
      },
      async (request, reply) => {
        const { upload } = directOf(request)
        const cancelled = await abortDirect(upload, { ...deps, log: request.log })
        if (cancelled?.cancelled === false && cancelled.reason === 'completed')
          throw new AirlockError('already_completed', { id: upload.id })
        if (cancelled === null && upload.state === 'receiving') metrics.countFiles('cancelled')
        return reply.code(204).send(null)
      },
    )
  }

/** The upload of a route that has the hook for one upload. */
export function directOf({ direct }: FastifyRequest): DirectUpload {
  if (direct === null) throw new Error('the route has no hook for one upload')
  return direct
}

/** Completes the upload of a request, and counts it once. */
export async function completed(request: FastifyRequest, deps: DirectRouteDeps): Promise<CompletedDirect> {
  const { upload } = directOf(request)
  try {
    const done = await completeDirect(directOf(request), request.id, { ...deps, log: request.log })
    if (done.isNew) {
      deps.metrics.countFiles('accepted')
      if (upload.assetType !== null) deps.metrics.countBytes('direct', upload.assetType, done.upload.sizeBytes ?? 0)
    }
    return done
  } catch (error) {
    if (upload.state === 'receiving') deps.metrics.countFiles(asAirlockError(error).code)
    throw error
  }
}
