import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { PayloadMalformed } from './payload-malformed.ts'
import { readPayload } from './read-payload.ts'
import { Uuid } from './uuid.ts'

/** The name of the jobs that carry this payload. */
export const processUploadJob = 'process_upload'

/**
 * Wakes a worker for an upload that Postgres knows. The row says everything else: a payload is only the bell.
 * The job id is the upload id, so that ringing twice is ringing once.
 */
export const ProcessUpload = Type.Object(
  {
    version: Type.Literal(1),
    upload_id: Uuid,
    request_id: Type.Optional(
      Type.String({ maxLength: 128, description: 'the request that the upload came with, for the logs, at most 128 characters' }),
    ),
  },
  { additionalProperties: false, $id: 'urn:airlock:process-upload:v1', title: 'process_upload, version 1' },
)

export type ProcessUpload = Type.Static<typeof ProcessUpload>

const processUpload = Compile(ProcessUpload)

/**
 * Reads a `process_upload` job's payload.
 *
 * @throws PayloadMalformed naming the job and the first thing that is wrong
 */
export function parseProcessUpload(jobName: string, data: unknown): ProcessUpload {
  if (jobName !== processUploadJob) throw new PayloadMalformed(`no payload is called '${jobName.slice(0, 80)}'`)
  return readPayload(processUploadJob, processUpload, data)
}
