import { type ErrorCode, errorCodes, errors, exampleOf } from '@airlock/domain'
import type { JsonObject } from './named-schemas.ts'
import { headersOf } from './response-headers.ts'

const exampleId = '5b0c0c4e-8d0b-4b6a-9a2e-0d6f3c1f7a10'

/** Serialisation treats codes as strings; this schema lists them for clients. */
export const ErrorCodeSchema = {
  type: 'string',
  enum: errorCodes,
  description: 'Stable, for use by programs. Later versions may add codes; for an unknown one use the status',
}

/** Examples of errors by code, for the codes that some operation uses. */
export const errorExamples = (used: ReadonlySet<ErrorCode>): JsonObject =>
  Object.fromEntries(
    errorCodes
      .filter((code) => used.has(code))
      .map((code) => {
        const { error, detail } = exampleOf(code)
        return [code, { summary: `${errors[code].status} ${error}`, value: { error, detail, code, request_id: exampleId } }]
      }),
  )

const problem = { $ref: '#/components/schemas/Problem' }

/**
 * A response for each status of an operation, with an example of each of its codes, and one for other statuses.
 *
 * @param operation such as `GET /api/jobs/{id}`
 */
export function errorResponses(operation: string, codes: readonly ErrorCode[], isLimited: boolean): Record<string, JsonObject> {
  const statuses = [...new Set(codes.map((code) => errors[code].status))].sort((a, b) => a - b)
  const responses: Record<string, JsonObject> = Object.fromEntries(
    statuses.map((status) => {
      const ofStatus = codes.filter((code) => errors[code].status === status)
      return [
        String(status),
        {
          description: [...new Set(ofStatus.map((code) => errors[code].title))].join('; '),
          headers: headersOf(operation, String(status), isLimited),
          content: {
            'application/json': {
              schema: problem,
              examples: Object.fromEntries(ofStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
            },
          },
        },
      ]
    }),
  )
  const other = (description: string, status: string) => ({
    description,
    headers: headersOf(operation, status, isLimited),
    content: { 'application/json': { schema: problem } },
  })
  return { ...responses, '4XX': other('The request was refused', '4XX'), '5XX': other('A fault on our side', '5XX') }
}
