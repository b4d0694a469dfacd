import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { readPayload, Uuid } from './read-payload.ts'

/** The ends of an upload, as in `GET /api/jobs/:id`. */
export const jobResultStatuses = ['completed', 'rejected', 'failed'] as const

export type JobResultStatus = (typeof jobResultStatuses)[number]

/**
 * The return value of a job whose upload has ended, for producers that wait for it. `failed` means parked: the bytes are kept, and an operator
 * may still retry the upload. Postgres is the system of record; `GET /api/jobs/:id` has the same result for longer.
 */
export const JobResult = Type.Object(
  {
    version: Type.Literal(1),
    upload_id: Uuid,
    status: Type.Unsafe<JobResultStatus>({ type: 'string', enum: jobResultStatuses }),
    asset_id: Type.Union([Uuid, Type.Null()], { description: 'the asset; null unless completed' }),
    s3_url: Type.Union([Type.String(), Type.Null()], { description: 's3://bucket/key of the asset; null unless completed' }),
    error: Type.Union(
      [
        Type.Object({
          code: Type.String({ description: 'stable, see docs/errors.md' }),
          error: Type.String({ description: 'a short title' }),
          detail: Type.String({ description: 'a sentence that names the file and the limit' }),
        }),
        Type.Null(),
      ],
      { description: 'why there is no asset; null when completed' },
    ),
  },
  { $id: 'urn:airlock:job-result:v1', title: 'What a job returns, version 1' },
)

export type JobResult = Type.Static<typeof JobResult>

/** Why an upload became no asset. */
export type JobResultError = NonNullable<JobResult['error']>

/** The end of an upload, as the worker knows it. */
export type UploadEnd =
  | { status: 'completed'; uploadId: string; assetId: string; s3Url: string }
  | { status: 'rejected' | 'failed'; uploadId: string; error: JobResultError }

/** The return value of a job, from the end of its upload. */
export function jobResult(end: UploadEnd): JobResult {
  const base = { version: 1, upload_id: end.uploadId, status: end.status } as const
  return end.status === 'completed'
    ? { ...base, asset_id: end.assetId, s3_url: end.s3Url, error: null }
    : { ...base, asset_id: null, s3_url: null, error: end.error }
}

const compiled = Compile(JobResult)

/**
 * Reads the return value of a job. Unknown fields, which later versions may add, are accepted.
 *
 * @throws PayloadMalformed names the first fault
 */
export const parseJobResult = (data: unknown): JobResult => readPayload('job_result', compiled, data)
