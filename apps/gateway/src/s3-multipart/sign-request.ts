import { AirlockError, isUuid, multipartLimits } from '@airlock/domain'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { OpenRequest, type RequestedUploads, requestedUploads } from '../direct/open-request.ts'
import { checkedBody, fieldMalformed } from '../routes/json-body.ts'

/** What Uppy's `signRequest` gets. Later versions may add fields. */
const S3Request = Type.Object(
  {
    method: Type.Enum(['GET', 'POST', 'PUT', 'DELETE'], { description: 'GET, POST, PUT or DELETE' }),
    key: Type.String({ minLength: 1, maxLength: 4096, description: "a text: the uploader's own key, later the key of the first answer" }),
    uploadId: Type.Optional(Type.String({ maxLength: 255, description: 'a text: the UploadId of the answer to CreateMultipartUpload' })),
    partNumber: Type.Optional(Type.Integer({ description: 'a whole number from 1' })),
  },
  { description: "an object, as the uploader's signRequest gets it" },
)

const ofFile = 'the file, as for POST /api/uploads; only with the first request'

/** The body of `POST /api/uploads/sign`. Refusals quote the description of the invalid field. */
export const SignRequest = Type.Object(
  {
    request: S3Request,
    upload: Type.Optional(Type.Object(OpenRequest.properties, { additionalProperties: false, description: ofFile })),
    part_size_bytes: Type.Optional(
      Type.Integer({
        minimum: multipartLimits.minPartBytes,
        maximum: multipartLimits.maxPartBytes,
        description: 'the size of the parts that the uploader will send, from 5 MiB to 5 GiB in bytes',
      }),
    ),
  },
  { additionalProperties: false, title: 'SignRequest', description: 'A request of an uploader for S3, and the file that it wants to send' },
)
type SignRequest = Static<typeof SignRequest>

/** A request that an uploader would send to S3. */
export type Operation =
  | { readonly name: 'create'; readonly upload: RequestedUploads; readonly partBytes: number | null }
  | ({ readonly name: 'part'; readonly number: number } & Address)
  | ({ readonly name: 'list' | 'complete' | 'abort' } & Address)

/** An upload that was created before. Its capability serves as S3's upload id, so that the uploader stores and returns it. */
interface Address {
  readonly uploadId: string
  readonly capability: string
}

const compiled = Compile(SignRequest)

/**
 * @param body from `readExactJson`
 * @throws AirlockError `request_malformed`, `field_malformed`, `capability_invalid`, and those of `requestedUploads`
 */
export function operationOf(body: unknown): Operation {
  const { upload: given } = (body ?? {}) as { upload?: unknown }
  const upload = given === undefined ? null : requestedUploads(given) // its errors are more specific
  const { request, part_size_bytes: partBytes = null } = checkedBody<SignRequest>(compiled, SignRequest, body)
  if (request.uploadId === undefined) {
    if (upload === null) throw fieldMalformed('upload', ofFile)
    if (upload.files.length > 1) throw fieldMalformed('upload.files', 'a list of one file')
    // An empty file has no part, so Uppy would send it in one PUT; it is refused like any empty file.
    if (request.method !== 'POST' && upload.files[0]?.sizeBytes !== 0) throw new AirlockError('request_malformed', { reason: notOnePut })
    return { name: 'create', upload, partBytes }
  }
  const address = addressOf(request.key, request.uploadId)
  switch (request.method) {
    case 'PUT':
      return { name: 'part', number: request.partNumber ?? 0, ...address }
    case 'GET':
      return { name: 'list', ...address }
    case 'POST':
      return { name: 'complete', ...address }
    case 'DELETE':
      return { name: 'abort', ...address }
    default:
      throw new Error(`method ${request.method satisfies never}`)
  }
}

const notOnePut = 'set shouldUseMultipart, since one PUT would not report the result of inspection'

/** Both go into a URL or a header of ours, so they must be exactly what we have issued. */
function addressOf(key: string, capability: string): Address {
  if (!isUuid(key)) throw new AirlockError('id_malformed', { id: key })
  if (!/^cap_[\w-]{43}$/.test(capability)) throw new AirlockError('capability_invalid', {})
  return { uploadId: key.toLowerCase(), capability }
}
