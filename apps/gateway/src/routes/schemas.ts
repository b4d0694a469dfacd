import { assetTypes, jobStatuses } from '@airlock/domain'
import Type, { type TSchema } from 'typebox'

/** Schemas that several routes answer with. */

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Uuid = Type.String({ format: 'uuid' })

export const Moment = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' })

export const AssetTypeName = Type.Enum([...assetTypes])

export const Status = Type.Enum([...jobStatuses])

/** Why a file did not become an asset. */
export const Reason = Type.Object({ code: Type.String(), error: Type.String(), detail: Type.String() })

const problem = {
  error: Type.String({ description: 'A short title' }),
  detail: Type.String({ description: 'A sentence that names the file and the limit' }),
  code: Type.String({ description: 'Stable; docs/errors.md lists them' }),
  request_id: Type.String(),
}

export const ProblemBody = Type.Object(problem)

export const FormIndex = Type.Integer({ minimum: 0, description: "The file's place in the form, from 0" })

/** A place in a form, and why its file was not accepted. */
export const RefusedUpload = Type.Object({
  index: FormIndex,
  filename: nullable(Type.String({ description: 'Null where Airlock stopped reading before it knew whether there is a file' })),
  code: Type.String(),
  error: Type.String(),
  detail: Type.String(),
})

export const AllRefused = Type.Object({ ...problem, rejected: Type.Optional(Type.Array(RefusedUpload)) })

export const ById = Type.Object({ id: Type.String({ description: 'A UUID' }) })
