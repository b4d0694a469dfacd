import { AirlockError, type Refusal } from '@airlock/domain'
import { listDirectParts, signDirectParts } from '@airlock/lifecycle'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { authenticateByCapability, authenticateForUpload, CapabilityQuery, capabilityIn } from '../direct/capability.ts'
import { openUploads } from '../direct/open-uploads.ts'
import { answerErrors, errorHeaders } from '../plugins/errors.ts'
import { storedParts } from '../responses/direct.ts'
import { ById, failures, Problem, ProblemBody } from '../responses/schemas.ts'
import { type UploadEntry, uploadAnswer } from '../responses/upload.ts'
import { type Operation, operationOf, SignRequest } from '../s3-multipart/sign-request.ts'
import { completed as completedXml, failed, initiated, partList, xmlType } from '../s3-multipart/xml.ts'
import { longestWaitSeconds } from '../upload/prefer-wait.ts'
import { completed, type DirectRouteDeps, directOf } from './direct-uploads.ts'
import { readExactJson } from './json-body.ts'
import { refuseAll, waitedAnswer } from './upload.ts'

const tags = ['uploads']

/** Maximum size of a request to sign: one name and the metadata, with every character escaped in JSON. */
const signLimitBytes = 64 * 1024

/** Maximum size of an uploader's list of 10,000 parts. */
const partListLimitBytes = 2 * 1024 * 1024

const Signed = Type.Object(
  {
    url: Type.String({ description: 'Of the object store for a part, otherwise a path of this gateway' }),
    key: Type.Optional(Type.String({ format: 'uuid', description: 'The id of the upload, which the uploader uses as key from now on' })),
    headers: Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Headers that the request must have; to this gateway they carry the capability of the upload',
    }),
  },
  { title: 'SignedRequest', description: 'Where and how the uploader sends its request' },
)

export interface S3UploadRouteDeps extends DirectRouteDeps {
  /** How long CompleteMultipartUpload waits for the result of inspection, in seconds. */
  completeWaitSeconds?: number | undefined
}

/**
 * Uploads by programs that speak S3's multipart protocol, such as Uppy's aws-s3 (docs/browser-uploads.md). They send parts straight to the store;
 * all else they send to the gateway, as if it were the store. So they report success only when the file has become an asset.
 */
export const s3UploadRoutes =
  (deps: S3UploadRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    await app.register(signRoute(deps))
    await app.register(s3Routes(deps))
  }

const signRoute =
  (deps: DirectRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    readExactJson(app)
    app.post(
      '/api/uploads/sign',
      {
        // The body says whether the token or a capability counts. A page sends its token with each request, and it may have expired since the first.
        onRequest: async ({ headers }) => {
          if (headers.authorization === undefined) throw new AirlockError('token_missing', {})
        },
        bodyLimit: signLimitBytes,
        schema: {
          operationId: 'signRequest',
          summary: "Sign a request of an uploader that speaks S3's multipart protocol",
          tags,
          body: SignRequest,
          response: { 200: Signed, '4xx': Problem, '5xx': ProblemBody },
        },
      },
      async (request, reply) => {
        const operation = operationOf(request.body)
        switch (operation.name) {
          case 'create':
            return create(operation, request, reply, deps)
          case 'part': {
            const direct = await authenticateByCapability(request, operation.uploadId, operation.capability, deps.uploads)
            const [part] = await signDirectParts(direct, [operation.number], deps.direct, deps)
            if (part === undefined) throw new Error('no URL for the part')
            return { url: part.url, headers: { ...part.headers } }
          }
          case 'list':
          case 'complete':
          case 'abort':
            return toGateway(operation.uploadId, paths[operation.name], operation.capability)
          default:
            throw new Error(`operation ${operation satisfies never}`)
        }
      },
    )
  }

/** The last part of the paths of an upload's requests. */
const paths = { create: '/s3', list: '/s3', complete: '/s3/complete', abort: '' } as const

const toGateway = (id: string, path: string, capability: string) => ({
  url: `/api/uploads/${id}${path}`,
  headers: { Authorization: `Bearer ${capability}` },
})

/** Opens the upload, so that its refusal reaches the uploader before it sends anything. */
async function create(
  { upload, partBytes }: Extract<Operation, { name: 'create' }>,
  request: FastifyRequest,
  reply: FastifyReply,
  deps: DirectRouteDeps,
) {
  await deps.authenticate(request)
  deps.assertUploadsPossible()
  const direct = { ...deps.direct, partBytes: partBytes ?? deps.direct.partBytes, putMaxBytes: 0 }
  const { opened, refused } = await openUploads(upload, request, { ...deps, direct })
  const [file] = opened
  if (file === undefined) return refuseAll(refused, deps.filesPerHour, request, reply)
  const { uploadId, capability } = file.opened
  return { ...toGateway(uploadId, paths.create, capability), key: uploadId }
}

/** An answer in XML. */
const xml = (description: string) => ({ description, content: { [xmlType]: { schema: Type.String({ description: 'As in the S3 API' }) } } })

const s3Routes =
  ({ completeWaitSeconds = longestWaitSeconds, ...deps }: S3UploadRouteDeps): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.decorateRequest('direct', null)
    // The store knows which parts it has, and the type that the client declares is known: neither body is needed.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: partListLimitBytes }, async () => null)
    answerErrors(app, (error, request, reply) => {
      errorHeaders(error, reply)
      const { status, code, detail } = error
      return reply
        .code(status)
        .type(xmlType)
        .send(failed({ code, message: detail, requestId: request.id }))
    })
    const ofUpload = async (request: FastifyRequest) => {
      request.direct = await authenticateForUpload(request, deps)
    }
    const common = { tags, params: ById, querystring: CapabilityQuery }

    app.post(
      '/api/uploads/:id/s3',
      {
        onRequest: ofUpload,
        schema: {
          ...common,
          operationId: 'createMultipartUpload',
          summary: "S3's CreateMultipartUpload: get the upload id of an open upload",
          response: { 200: xml('InitiateMultipartUploadResult'), ...failures },
        },
      },
      async (request, reply) => {
        const capability = capabilityIn(request)
        if (capability === null) throw new AirlockError('capability_invalid', {})
        return reply.type(xmlType).send(initiated({ key: directOf(request).upload.id, uploadId: capability }))
      },
    )

    app.get(
      '/api/uploads/:id/s3',
      {
        onRequest: ofUpload,
        schema: {
          ...common,
          operationId: 'listMultipartParts',
          summary: "S3's ListParts: the parts that the object store has",
          response: { 200: xml('ListPartsResult'), ...failures },
        },
      },
      async (request, reply) => {
        const { parts } = storedParts(await listDirectParts(directOf(request), deps))
        const listed = parts.map(({ number, size_bytes: sizeBytes, etag }) => ({ number, sizeBytes, etag: etag ?? '"complete"' }))
        return reply.type(xmlType).send(partList({ key: directOf(request).upload.id, parts: listed }))
      },
    )

    app.post(
      '/api/uploads/:id/s3/complete',
      {
        onRequest: ofUpload,
        schema: {
          ...common,
          operationId: 'completeMultipartUpload',
          summary: "S3's CompleteMultipartUpload: complete the upload, and wait until it is an asset",
          response: { 200: xml('CompleteMultipartUploadResult, with the URL and the id of the asset'), ...failures },
        },
      },
      async (request, reply) => {
        const { upload } = await completed(request, deps)
        const { answer } = await waitedAnswer(uploadAnswer([{ index: 0, upload }], []), completeWaitSeconds, reply, deps)
        const [entry] = answer.uploads
        if (entry === undefined) throw new Error('no entry of the completed upload')
        return reply.type(xmlType).send(resultOf(entry))
      },
    )
  }

/** @throws AirlockError the reason why it did not become an asset, or `inspection_pending` */
function resultOf({ upload_id, filename, status, error, asset_id, presigned_url, content_hash }: UploadEntry): string {
  if (status === 'completed' && asset_id && presigned_url)
    return completedXml({ location: presigned_url, key: asset_id, etag: `"${content_hash}"` })
  if (error) throw AirlockError.of(error as Refusal)
  // An asset that was deleted since.
  if (status === 'completed') throw new AirlockError('asset_not_found', { id: upload_id })
  throw new AirlockError('inspection_pending', { filename })
}
