import { AirlockError, type AssetType, assetKind, assetTypes, normalizedType } from '@airlock/domain'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { checkedBody } from '../routes/json-body.ts'
import { type ClientMetadata, clientMetadata } from '../upload/client-metadata.ts'
import { maxFiles } from '../upload/form.ts'
import { availableKind } from '../upload/form-fields.ts'

const uuidPattern = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
const Uuid = Type.String({ format: 'uuid', pattern: uuidPattern, description: 'a UUID' })

const DirectFile = Type.Object(
  {
    filename: Type.String({ maxLength: 1024, description: 'a text, the display name' }),
    mime_type: Type.Optional(Type.String({ maxLength: 255, description: 'the media type of the file, as in a form' })),
    size_bytes: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'the exact size of the file, a whole number of bytes',
    }),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: "the SHA-256 of the file's bytes, 64 hex digits in lower case" }),
    ),
  },
  { additionalProperties: false, description: 'an object with filename and size_bytes' },
)

/** The body of `POST /api/uploads`. Refusals quote the description of the invalid field. */
export const OpenRequest = Type.Object(
  {
    asset_type: Type.String({ enum: assetTypes, description: `one of ${assetTypes.join(', ')}` }),
    project_id: Type.Optional(Uuid),
    brand_id: Type.Optional(Uuid),
    files: Type.Array(DirectFile, { minItems: 1, maxItems: maxFiles, description: `a list of 1 to ${maxFiles} files` }),
    metadata: Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] }),
          description: 'a JSON object of at most 4 KiB whose values are strings, numbers or booleans',
        },
      ),
    ),
  },
  { additionalProperties: false, title: 'OpenRequest' },
)
type OpenRequest = Static<typeof OpenRequest>

/** A file as its client declares it; its name has not been validated. */
export interface DeclaredFile {
  readonly rawFilename: string
  readonly declaredType: string
  readonly sizeBytes: number
  readonly expectedHash: string | null
}

/** A valid request. Its files are judged one by one. */
export interface RequestedUploads {
  readonly assetType: AssetType
  readonly projectId: string | null
  readonly brandId: string | null
  readonly clientMetadata: ClientMetadata | null
  readonly files: readonly DeclaredFile[]
}

const compiled = Compile(OpenRequest)

/**
 * @param body from `readExactJson`
 * @throws AirlockError `request_malformed`, `field_malformed`, `field_missing`, `asset_type_…`
 */
export function requestedUploads(body: unknown): RequestedUploads {
  const { asset_type: named } = (body ?? {}) as { asset_type?: unknown }
  if (typeof named === 'string') availableKind(named) // its errors are more specific
  const { asset_type, project_id, brand_id, files, metadata } = checkedBody<OpenRequest>(compiled, OpenRequest, body)
  const assetType = availableKind(asset_type)
  const { requires } = assetKind(assetType)
  if (requires !== null && { project_id, brand_id }[requires] === undefined)
    throw new AirlockError('field_missing', { field: requires, assetType })
  return {
    assetType,
    projectId: project_id?.toLowerCase() ?? null,
    brandId: brand_id?.toLowerCase() ?? null,
    clientMetadata: metadata === undefined ? null : clientMetadata(metadata),
    files: files.map(({ filename, mime_type, size_bytes, sha256 }) => ({
      rawFilename: filename,
      declaredType: normalizedType(mime_type),
      sizeBytes: size_bytes,
      expectedHash: sha256 ?? null,
    })),
  }
}
