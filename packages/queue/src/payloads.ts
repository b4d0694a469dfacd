import Type from 'typebox'
import { Compile } from 'typebox/compile'

const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', description: 'A UUID' })

/**
 * Wakes a worker for an upload that Postgres knows. The row says everything else: a payload is only the bell.
 * The job id is the upload id, so that ringing twice is ringing once.
 */
export const ProcessUpload = Type.Object(
  {
    version: Type.Literal(1),
    upload_id: Uuid,
    request_id: Type.Optional(Type.String({ maxLength: 128, description: 'The request that the upload came with, for the logs' })),
  },
  { additionalProperties: false, $id: 'https://airlock.dev/schema/process-upload.v1.json', title: 'process_upload, version 1' },
)

export type ProcessUpload = Type.Static<typeof ProcessUpload>

/** The job name of each payload. */
export const processUploadJob = 'process_upload'

const processUpload = Compile(ProcessUpload)

/** A job's payload breaks its schema; ringing again will not mend it. */
export class PayloadMalformed extends Error {
  override name = 'PayloadMalformed'
}

/**
 * Reads a job's payload.
 *
 * @throws PayloadMalformed naming the job and the first thing that is wrong
 */
export function parseProcessUpload(jobName: string, data: unknown): ProcessUpload {
  if (jobName !== processUploadJob) throw new PayloadMalformed(`no payload is called '${jobName.slice(0, 80)}'`)
  if (processUpload.Check(data)) return data
  const [first] = processUpload.Errors(data)
  throw new PayloadMalformed(`${processUploadJob}${first?.instancePath ?? ''}: ${first?.message ?? 'does not fit its schema'}`)
}
