import type { UploadRepository } from '@airlock/database'
import { AirlockError, parseFilename, type SizeLimits } from '@airlock/domain'
import { type FileCounter, type OpenDirectDeps, type OpenedDirect, openDirect, withdrawDirect } from '@airlock/lifecycle'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../auth/caller.ts'
import type { GatewayMetrics } from '../operations/metrics.ts'
import type { BackgroundTasks } from '../operations/shutdown.ts'
import { asAirlockError } from '../plugins/errors.ts'
import { type RefusedFile, refusedFile } from '../responses/upload.ts'
import { belongsToFile } from '../upload/take-file.ts'
import type { DeclaredFile, RequestedUploads } from './open-request.ts'

/** The settings of the direct door. */
export interface DirectSettings {
  readonly openUploadsPerUser: number
  readonly openBytesPerUser: number
  /** The time in which an upload must be completed. */
  readonly openSeconds: number
  /** The validity of a URL. */
  readonly urlSeconds: number
  readonly partBytes: number
  /** Up to this size a file is sent in one PUT, if the store enforces its condition; 0: never. */
  readonly putMaxBytes: number
}

export interface OpenUploadsDeps extends Pick<OpenDirectDeps, 'writesOnce'> {
  uploads: UploadRepository
  store: ObjectStore
  counter: FileCounter
  backgroundTasks: BackgroundTasks
  sizeLimits: SizeLimits
  filesPerHour: number
  parkedBytesPerUser?: number | undefined
  direct: DirectSettings
  metrics: Pick<GatewayMetrics, 'countFiles'>
}

/** A file that may be sent, and its index in the request, from 0. */
export interface OpenedFile {
  readonly index: number
  readonly opened: OpenedDirect
}

/**
 * Opens an upload for each file of a request, or refuses it individually.
 *
 * @returns both in the order of the request
 * @throws AirlockError, StoreUnavailable, DatabaseUnavailable if the whole request fails; then none is open
 */
export async function openUploads(
  { files, ...fields }: RequestedUploads,
  request: FastifyRequest,
  deps: OpenUploadsDeps,
): Promise<{ opened: OpenedFile[]; refused: RefusedFile[] }> {
  const outcomes = await Promise.allSettled(files.map((file, index) => openOne(file, index, fields, request, deps)))
  const done = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const opened = done.filter((file): file is OpenedFile => 'opened' in file)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return { opened, refused: done.filter((file): file is RefusedFile => 'code' in file) }
  // Without an answer the client has no capability, so these could not be used.
  const { id: userId } = callerOfRequest(request)
  for (const { opened: upload } of opened)
    deps.backgroundTasks.add(withdrawDirect(upload, userId, failed.reason, { ...deps, log: request.server.log }))
  throw failed.reason
}

async function openOne(
  { rawFilename, ...declared }: DeclaredFile,
  index: number,
  fields: Omit<RequestedUploads, 'files'>,
  request: FastifyRequest,
  deps: OpenUploadsDeps,
): Promise<OpenedFile | RefusedFile> {
  const { id: userId, actedBy } = callerOfRequest(request)
  const { sizeLimits, filesPerHour, parkedBytesPerUser, direct } = deps
  let filename = rawFilename
  try {
    filename = parseFilename(rawFilename)
    const sender = { ...fields, ...direct, userId, actedBy, requestId: request.id, sizeLimits, filesPerHour, parkedBytesPerUser }
    return { index, opened: await openDirect({ ...declared, filename }, sender, { ...deps, log: request.server.log }) }
  } catch (error) {
    deps.metrics.countFiles(asAirlockError(error).code)
    if (!(error instanceof AirlockError) || !belongsToFile(error)) throw error
    request.log.info({ userId, filename, code: error.code, step: 'open' }, 'file refused')
    return refusedFile(index, filename, error)
  }
}
