import { parseFilename } from '@airlock/domain'
import { defaultPriority, type Priority, priorities } from '@airlock/queue'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { type ClientMetadata, clientMetadata } from '../upload/client-metadata.ts'
import { checkedBody, fieldMalformed } from './json-body.ts'

const uuidPattern = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
const keyRule = "the object's key, 1 to 1024 bytes, without '.' or '..' between slashes"

const Uuid = Type.String({ format: 'uuid', pattern: uuidPattern, description: 'a UUID' })

const Source = Type.Object(
  {
    bucket: Type.String({ minLength: 1, maxLength: 255, description: 'the name of a bucket that Airlock may read from' }),
    key: Type.String({
      minLength: 1,
      maxLength: 1024,
      description: keyRule,
    }),
  },
  { additionalProperties: false, description: 'an object with bucket and key, never a URL' },
)

/** A pipeline's request for a video in another bucket. Refusals quote the description of the invalid field. */
export const VideoRequest = Type.Object(
  {
    upload_id: Type.Optional(
      Type.String({ format: 'uuid', pattern: uuidPattern, description: 'a UUID; a repeated one names the same video' }),
    ),
    user_id: Uuid,
    project_id: Uuid,
    source: Source,
    filename: Type.String({ maxLength: 1024, description: 'a text, the display name' }),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: "the SHA-256 of the file's bytes, 64 hex digits in lower case" }),
    ),
    metadata: Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] }),
          description: 'a JSON object of at most 4 KiB whose values are strings, numbers or booleans',
        },
      ),
    ),
    priority: Type.Optional(
      Type.Unsafe<Priority>({ type: 'string', enum: Object.keys(priorities), description: "'interactive' or 'batch'; absent means batch" }),
    ),
  },
  { additionalProperties: false, title: 'VideoRequest' },
)

export type VideoRequest = Static<typeof VideoRequest>

/** A valid request, its ids in lower case. */
export interface RequestedVideo {
  readonly uploadId: string | null
  readonly userId: string
  readonly projectId: string
  readonly source: { readonly bucket: string; readonly key: string }
  readonly filename: string
  readonly sha256: string | null
  readonly metadata: ClientMetadata | null
  readonly priority: Priority
}

const compiled = Compile(VideoRequest)

/**
 * @param body from `exactJson`
 * @throws AirlockError `request_malformed` if it is not such an object, `field_malformed` naming the first invalid field, `filename_…`
 */
export function requestedVideo(body: unknown): RequestedVideo {
  const checked = checkedBody<VideoRequest>(compiled, VideoRequest, body)
  const { upload_id, user_id, project_id, source, filename, sha256 = null, metadata, priority = defaultPriority } = checked
  if (!isKey(source.key)) throw fieldMalformed('source.key', keyRule)
  return {
    uploadId: upload_id?.toLowerCase() ?? null,
    userId: user_id.toLowerCase(),
    projectId: project_id.toLowerCase(),
    source,
    filename: parseFilename(filename),
    sha256,
    metadata: metadata === undefined ? null : clientMetadata(metadata),
    priority,
  }
}

/**
 * Whether every store takes this key literally. Some normalize paths, including backslashes: a key with `..` could lead into another bucket,
 * which is not allowed.
 */
const isKey = (key: string): boolean =>
  Buffer.byteLength(key) <= 1024 &&
  key.isWellFormed() &&
  !key.includes('\0') &&
  !key.split(/[/\\]/).some((part) => part === '.' || part === '..')
