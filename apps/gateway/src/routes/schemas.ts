import { assetTypes, jobStatuses } from '@airlock/domain'
import Type, { type TSchema } from 'typebox'

/**
 * Schemas that several routes answer with. One with a name as its `title` becomes a schema of that name in the OpenAPI document; what its
 * `description` says is the description of the answer, too.
 */

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Uuid = Type.String({ format: 'uuid' })

export const Moment = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })

export const AssetTypeName = Type.Enum([...assetTypes], { title: 'AssetType', description: 'What a file is for' })

export const Status = Type.Enum([...jobStatuses], { title: 'JobStatus', description: 'Where an upload stands' })

const Code = Type.String({ title: 'ErrorCode' })

/** Why a file did not become an asset. */
export const Reason = Type.Object(
  { code: Code, error: Type.String(), detail: Type.String() },
  { title: 'Reason', description: 'Why a file did not become an asset' },
)

/** What callers tie to a file. What others than Airlock have written beside assets is passed on as it is. */
export const Metadata = Type.Unsafe<Record<string, unknown>>({ type: 'object', title: 'Metadata', additionalProperties: true })

const problem = {
  error: Type.String({ description: 'A short title' }),
  detail: Type.String({ description: 'A sentence that names the file and the limit' }),
  code: Code,
  request_id: Type.String({ description: 'Also in the header X-Request-Id; our logs have it' }),
}

export const ProblemBody = Type.Object(problem)

export const FormIndex = Type.Integer({ minimum: 0, description: "The file's place in the form, from 0" })

/** A place in a form, and why its file was not accepted. */
export const RefusedUpload = Type.Object(
  {
    index: FormIndex,
    filename: nullable(Type.String({ description: 'Null where Airlock stopped reading before it knew whether there is a file' })),
    code: Code,
    error: Type.String(),
    detail: Type.String(),
  },
  { title: 'RefusedFile', description: 'A file of a form that was not accepted, and why' },
)

/** The body of every error; routes that take no form leave `rejected` out. */
export const Problem = Type.Object(
  { ...problem, rejected: Type.Optional(Type.Array(RefusedUpload, { description: 'Of a form: each file that was refused, and why' })) },
  { title: 'Problem', description: 'The body of every error' },
)

export const failures = { '4xx': ProblemBody, '5xx': ProblemBody }

export const ById = Type.Object({ id: Type.String({ format: 'uuid', examples: ['0198c0de-0000-7000-8000-000000000003'] }) })
