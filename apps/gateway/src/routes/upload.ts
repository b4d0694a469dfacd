import { AirlockError } from '@airlock/domain'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { AccessRecorder } from '../operations/access-log.ts'
import { limitHeaders } from '../plugins/errors.ts'
import { Problem, ProblemBody } from '../responses/schemas.ts'
import { type RefusedFile, UploadAnswer, uploadAnswer } from '../responses/upload.ts'
import { ClientGone } from '../upload/form.ts'
import { type FinishedDeps, preferredWait, waitForAll } from '../upload/prefer-wait.ts'
import { idempotencyKey, type RepeatableDeps, takeRepeatable } from '../upload/repeatable.ts'
import { type TakenForm, takeForm } from '../upload/take-form.ts'

export interface UploadRouteDeps extends RepeatableDeps, FinishedDeps {
  accesses: AccessRecorder
  authenticate: (request: FastifyRequest) => Promise<void>
}

const Headers = Type.Object({
  prefer: Type.Optional(Type.String({ description: 'wait=N: wait up to N seconds (at most 25) for the finished assets (RFC 7240)' })),
  'idempotency-key': Type.Optional(Type.String({ description: 'Makes the request idempotent for 24 hours' })),
})

export const uploadRoute =
  (deps: UploadRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.removeContentTypeParser(['application/json', 'text/plain'])
    // other bodies are refused by the form reader: an error here would close the connection before the client sees the reason
    app.addContentTypeParser('*', async () => null)
    app.post(
      '/api/upload',
      {
        onRequest: deps.authenticate,
        schema: {
          operationId: 'uploadFiles',
          summary: 'Upload files',
          tags: ['uploads'],
          consumes: ['multipart/form-data'],
          headers: Headers,
          response: { 200: UploadAnswer, 202: UploadAnswer, '4xx': Problem, '5xx': ProblemBody },
        },
      },
      async (request, reply) => {
        const taken = await take(request, deps).catch((error: unknown) => closeIfClientGone(error, request, reply))
        if (taken === null) return reply
        if ('accepted' in taken && taken.accepted.length === 0) return refuseAll(taken.refused, deps.filesPerHour, request, reply)
        if ('accepted' in taken) limitHeadersOf(taken.refused, deps.filesPerHour, reply)
        else reply.header('idempotent-replayed', 'true')
        const answer = 'accepted' in taken ? uploadAnswer(taken.accepted, taken.refused) : taken
        const waitSeconds = preferredWait(request.headers)
        if (waitSeconds === null) return reply.code(202).send(answer)
        return answerWhenEnded(answer, waitSeconds, reply, deps)
      },
    )
  }

/** @returns the form, or the response to the first request with this key */
function take(request: FastifyRequest, deps: UploadRouteDeps): Promise<TakenForm | UploadAnswer> {
  const key = idempotencyKey(request)
  return key === null ? takeForm(request, deps) : takeRepeatable(key, request, deps)
}

/** Answers 200 when all uploads have ended, or 202 when the time is over, with what is known then. */
export async function answerWhenEnded(
  answer: UploadAnswer,
  waitSeconds: number,
  reply: FastifyReply,
  deps: FinishedDeps & Pick<UploadRouteDeps, 'accesses'>,
): Promise<FastifyReply> {
  const waited = await waitedAnswer(answer, waitSeconds, reply, deps)
  reply.header('preference-applied', `wait=${waitSeconds}`)
  return reply.code(waited.allEnded ? 200 : 202).send(waited.answer)
}

/**
 * Waits until all uploads of an answer have ended, or the time is over. The client may disconnect during the wait, or Postgres fail: accepted files
 * stay accepted, and the response must not contradict that.
 *
 * @returns the answer with what is known then
 */
export async function waitedAnswer(
  answer: UploadAnswer,
  waitSeconds: number,
  reply: FastifyReply,
  deps: FinishedDeps & Pick<UploadRouteDeps, 'accesses'>,
): Promise<{ answer: UploadAnswer; allEnded: boolean }> {
  const disconnected = new AbortController()
  reply.raw.once('close', () => disconnected.abort())
  const stop = AbortSignal.any([disconnected.signal, AbortSignal.timeout(waitSeconds * 1000)])
  const waited = await waitForAll(answer, stop, deps).catch((err: unknown) => {
    reply.request.log.warn({ err }, 'waiting for uploads failed, they continue')
    return { answer, allEnded: false }
  })
  for (const { asset_id: assetId, presigned_url: url } of waited.answer.uploads)
    if (assetId && url) deps.accesses.note(reply.request, { assetId, action: 'upload', hours: deps.presignHours.default })
  return waited
}

/** Without a client no response is sent; the outcome is only logged. */
function closeIfClientGone(error: unknown, request: FastifyRequest, reply: FastifyReply): null {
  if (!(error instanceof ClientGone)) throw error
  request.log.info({ userId: request.caller?.id, step: 'receive' }, 'client disconnected, nothing was accepted')
  reply.hijack()
  request.raw.destroy()
  return null
}

/**
 * The status is that of the refusals if all have the same, else 400. If all have the same code, the error is that of the first. Unread files are not
 * considered: they have no reason of their own.
 */
export function refuseAll(
  refused: readonly RefusedFile[],
  filesPerHour: number,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const judged = refused.filter(({ code }) => code !== 'not_read')
  const [first] = judged
  if (first === undefined) throw new Error('a form without files was received')
  const status = judged.every((file) => file.status === first.status) ? first.status : 400
  limitHeadersOf(judged, filesPerHour, reply)
  const sameCode = judged.every((file) => file.code === first.code)
  const none = new AirlockError('files_refused', { count: judged.length })
  const { title, detail, code } = sameCode ? { title: first.error, detail: first.detail, code: first.code } : none
  return reply.code(status).send({ error: title, detail, code, request_id: request.id, rejected: uploadAnswer([], refused).rejected })
}

/** Sets the headers of the hourly limit if a file was refused for it, whatever the result of the others. */
export function limitHeadersOf(refused: readonly RefusedFile[], filesPerHour: number, reply: FastifyReply): void {
  const waits = refused.flatMap(({ retryAfterSeconds }) => retryAfterSeconds ?? [])
  if (waits.length > 0) limitHeaders(reply, Math.min(...waits), filesPerHour)
}
