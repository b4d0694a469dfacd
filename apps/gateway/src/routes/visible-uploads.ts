import type { UploadRecord, UploadRepository } from '@airlock/database'
import { AirlockError, jobStatusOf } from '@airlock/domain'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest, isOperator } from '../auth/caller.ts'
import { uuidOf } from './parameters.ts'

/** An upload of the caller, or of anyone if the caller is an operator. @throws AirlockError `id_malformed`, `job_not_found`, `job_not_yours` */
export async function visibleUpload(
  rawId: string,
  request: FastifyRequest,
  { uploads }: { uploads: Pick<UploadRepository, 'byId'> },
): Promise<UploadRecord> {
  const id = uuidOf(rawId)
  const upload = await uploads.byId(id)
  if (upload === null || (jobStatusOf(upload.state) === null && endedDirect(upload) === null))
    throw new AirlockError('job_not_found', { id })
  if (upload.userId !== callerOfRequest(request).id && !isOperator(request)) throw new AirlockError('job_not_yours', { id })
  const ended = endedDirect(upload)
  if (ended !== null) throw AirlockError.of(ended)
  return upload
}

/** Why a direct upload was never accepted: its client has its id, and may follow it by its job. */
const endedDirect = ({ door, state, refusal }: UploadRecord) => (door === 'direct' && state === 'abandoned' ? refusal : null)

/** Those of the uploads with these ids that the caller may see as jobs, in their order. */
export async function visibleUploads(
  ids: readonly string[],
  request: FastifyRequest,
  { uploads }: { uploads: Pick<UploadRepository, 'byIds'> },
): Promise<UploadRecord[]> {
  const { id: userId } = callerOfRequest(request)
  const isVisible = isOperator(request) ? () => true : (upload: UploadRecord) => upload.userId === userId
  const visible = (await uploads.byIds(ids)).filter((upload) => isVisible(upload) && jobStatusOf(upload.state) !== null)
  const known = new Map(visible.map((upload) => [upload.id, upload]))
  return ids.map((id) => known.get(id)).filter((upload) => upload !== undefined)
}
