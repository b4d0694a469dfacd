import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { PayloadMalformed, readPayload, Uuid } from './read-payload.ts'

/** The name of the jobs with this payload. */
export const processUploadJob = 'process_upload'

/**
 * Wakes a worker for an upload that has a row. Everything else is in the row.
 * The job id is the upload id, so that enqueueing is idempotent.
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
 * @throws PayloadMalformed names the job and its first fault
 */
export function parseProcessUpload(jobName: string, data: unknown): ProcessUpload {
  if (jobName !== processUploadJob) throw new PayloadMalformed(`unknown job name '${jobName.slice(0, 80)}'`)
  return readPayload(processUploadJob, processUpload, data)
}
