import { assetTypes, jobStatuses } from '@airlock/domain'
import Type, { type TSchema } from 'typebox'

/**
 * Schemas that several routes use. One whose `title` is a name becomes a schema of that name in the OpenAPI document; its `description` also
 * describes the response.
 */

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Uuid = Type.String({ format: 'uuid' })

export const Moment = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })

export const AssetTypeName = Type.Enum([...assetTypes], { title: 'AssetType', description: 'The purpose of a file' })

export const Status = Type.Enum([...jobStatuses], { title: 'JobStatus', description: 'The state of an upload' })

export const Code = Type.String({ title: 'ErrorCode' })

/** The reason why a file did not become an asset. */
export const Reason = Type.Object(
  { code: Code, error: Type.String(), detail: Type.String() },
  { title: 'Reason', description: 'The reason why a file did not become an asset' },
)

/** Metadata that callers attach to a file. Metadata that other programs have written to assets is returned unchanged. */
export const Metadata = Type.Unsafe<Record<string, unknown>>({ type: 'object', title: 'Metadata', additionalProperties: true })

const problem = {
  error: Type.String({ description: 'A short title' }),
  detail: Type.String({ description: 'A sentence that names the file and the limit' }),
  code: Code,
  request_id: Type.String({ description: "Also in the header X-Request-Id and in Airlock's logs" }),
}

export const ProblemBody = Type.Object(problem)

export const FormIndex = Type.Integer({ minimum: 0, description: "The file's index in the form, from 0" })

/** A file of a form that was not accepted, and the reason. */
export const RefusedUpload = Type.Object(
  {
    index: FormIndex,
    filename: nullable(Type.String({ description: 'Null if Airlock stopped reading before it knew whether there is a file' })),
    code: Code,
    error: Type.String(),
    detail: Type.String(),
  },
  { title: 'RefusedFile', description: 'A file of a form that was not accepted, and the reason' },
)

/** The body of every error; only form uploads have `rejected`. */
export const Problem = Type.Object(
  { ...problem, rejected: Type.Optional(Type.Array(RefusedUpload, { description: 'For forms: each refused file and the reason' })) },
  { title: 'Problem', description: 'The body of every error' },
)

export const failures = { '4xx': ProblemBody, '5xx': ProblemBody }

export const ById = Type.Object({ id: Type.String({ format: 'uuid', examples: ['0198c0de-0000-7000-8000-000000000003'] }) })
