import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { readPayload } from './read-payload.ts'
import { Uuid } from './uuid.ts'

/** The ends that an upload can come to, in the words of `GET /api/jobs/:id`. */
export const jobResultStatuses = ['completed', 'rejected', 'failed'] as const

export type JobResultStatus = (typeof jobResultStatuses)[number]

/**
 * What a job returns when its upload has come to an end: what those who wait for the job are told. `failed` means parked: the bytes are
 * kept, and an operator may still make an asset of them. The record is in Postgres; `GET /api/jobs/:id` says the same for longer.
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

/** An end, as a worker knows it. */
export type UploadEnd =
  | { status: 'completed'; uploadId: string; assetId: string; s3Url: string }
  | { status: 'rejected' | 'failed'; uploadId: string; error: JobResultError }

/** Makes what a job returns of the end that its upload came to. */
export function jobResult(end: UploadEnd): JobResult {
  const base = { version: 1, upload_id: end.uploadId, status: end.status } as const
  return end.status === 'completed'
    ? { ...base, asset_id: end.assetId, s3_url: end.s3Url, error: null }
    : { ...base, asset_id: null, s3_url: null, error: end.error }
}

const compiled = Compile(JobResult)

/**
 * Reads what a job returned. Fields that a later Airlock adds are let through.
 *
 * @throws PayloadMalformed naming the first thing that is wrong
 */
export const parseJobResult = (data: unknown): JobResult => readPayload('job_result', compiled, data)
