import type { UploadRecord } from '@airlock/database'
import { AirlockError, type AssetType, type JobStatus, jobStatusOf } from '@airlock/domain'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { limitHeaders } from '../plugins/errors.ts'
import type { UploadDeps } from '../upload/deps.ts'
import { ClientGone } from '../upload/form.ts'
import { type RefusedFile, takeForm } from '../upload/take-form.ts'
import { AllRefused, AssetTypeName, Moment, ProblemBody, RefusedUpload, Status, Uuid } from './schemas.ts'

const AcceptedUpload = Type.Object({
  upload_id: Uuid,
  job_id: Uuid,
  status: Status,
  status_url: Type.String(),
  filename: Type.String(),
  asset_type: AssetTypeName,
  size_bytes: Type.Integer(),
  mime_type: Type.String({ description: 'What the first bytes say; the worker proves it' }),
  content_hash: Type.String({ description: 'SHA-256 in hexadecimal' }),
  created_at: Moment,
})

const UploadAnswer = Type.Object({ uploads: Type.Array(AcceptedUpload), rejected: Type.Array(RefusedUpload) })

export interface UploadRouteDeps extends UploadDeps {
  authenticate: (request: FastifyRequest) => Promise<void>
}

export const uploadRoute =
  (deps: UploadRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.post(
      '/api/upload',
      {
        onRequest: deps.authenticate,
        schema: { summary: 'Send files into quarantine', response: { 202: UploadAnswer, '4xx': AllRefused, '5xx': ProblemBody } },
      },
      async (request, reply) => {
        const taken = await takeForm(request, deps).catch((error: unknown) => hangUpOnGone(error, request, reply))
        if (taken === null) return reply
        const { accepted, refused } = taken
        if (accepted.length === 0) return refuseAll(refused, deps.filesPerHour, request, reply)
        return reply.code(202).send({ uploads: accepted.map(asEntry), rejected: refused.map(asRefused) })
      },
    )
  }

/** Nobody is there to read an answer; the log says what became of the files. */
function hangUpOnGone(error: unknown, request: FastifyRequest, reply: FastifyReply): null {
  if (!(error instanceof ClientGone)) throw error
  request.log.info({ userId: request.caller?.id, step: 'receive' }, 'client went away, nothing was accepted')
  reply.hijack()
  request.raw.destroy()
  return null
}

function asEntry(upload: UploadRecord) {
  const { id, state, filename, assetType, sizeBytes, detectedType, contentHash, createdAt } = upload
  return {
    upload_id: id,
    job_id: id,
    status: jobStatusOf(state) as JobStatus,
    status_url: `/api/jobs/${id}`,
    filename,
    asset_type: assetType as AssetType,
    size_bytes: sizeBytes as number,
    mime_type: detectedType as string,
    content_hash: contentHash as string,
    created_at: createdAt.toISOString(),
  }
}

const asRefused = ({ index, filename, code, error, detail }: RefusedFile) => ({ index, filename, code, error, detail })

/** The status of the refusals where they agree, else 400; one file's refusal is the whole answer's. */
function refuseAll(refused: readonly RefusedFile[], filesPerHour: number, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [first] = refused
  if (first === undefined) throw new Error('a form without files was taken')
  const status = refused.every((file) => file.status === first.status) ? first.status : 400
  const retryAfterSeconds = Math.min(...refused.map((file) => file.retryAfterSeconds ?? Number.POSITIVE_INFINITY))
  if (status === 429) limitHeaders(reply, retryAfterSeconds, filesPerHour)
  const sameCode = refused.every((file) => file.code === first.code)
  const { title, detail, code } = sameCode
    ? { title: first.error, detail: first.detail, code: first.code }
    : new AirlockError('files_refused', { count: refused.length })
  return reply.code(status).send({ error: title, detail, code, request_id: request.id, rejected: refused.map(asRefused) })
}
