import type { UploadRepository } from '@airlock/database'
import { AirlockError, type AssetType, type ErrorCode, judgeFile, normalizedType, parseFilename, type SizeLimits } from '@airlock/domain'
import { type FileCounter, type ReceivedFile, receive } from '@airlock/lifecycle'
import type { JobQueue } from '@airlock/queue'
import type { ObjectStore } from '@airlock/storage'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../auth/caller.ts'
import type { GatewayMetrics } from '../operations/metrics.ts'
import type { BackgroundTasks } from '../operations/shutdown.ts'
import { asAirlockError } from '../plugins/errors.ts'
import { type RefusedFile, refusedFile } from '../responses/upload.ts'
import type { BodyTimeoutLimits } from './body-timeouts.ts'
import type { FilesInFlight } from './files-in-flight.ts'
import { ClientGone, DrainLimitExceeded, type FormFile, formError } from './form.ts'
import { hasExtendedName, isGarbled } from './part-headers.ts'

/** Dependencies of receiving a form. */
export interface UploadDeps {
  uploads: UploadRepository
  store: ObjectStore
  jobQueue: Pick<JobQueue, 'enqueue'>
  counter: FileCounter
  backgroundTasks: BackgroundTasks
  sizeLimits: SizeLimits
  filesPerHour: number
  /** Maximum bytes of parked uploads per user. Absent: unlimited. */
  parkedBytesPerUser?: number | undefined
  bodyTimeouts: BodyTimeoutLimits
  inFlight: FilesInFlight
  metrics: Pick<GatewayMetrics, 'countFiles' | 'countBytes'>
}

/** A file of the form that has arrived in quarantine. */
export interface ArrivedFile {
  readonly index: number
  readonly file: ReceivedFile
}

/** Errors that concern one file only; the files after it are still received. A user above the share must send the form again. */
export const belongsToFile = ({ status, code }: AirlockError): boolean =>
  ([400, 413, 429].includes(status) && code !== 'upload_share_exceeded') || code === 'parked_limit_reached'

/**
 * Receives one file of a form into quarantine, or refuses it individually.
 *
 * @param assetType if the form has already named it
 * @throws AirlockError, ClientGone, StoreUnavailable, DatabaseUnavailable if the whole form is affected
 */
export async function takeFile(
  part: FormFile,
  index: number,
  assetType: AssetType | null,
  request: FastifyRequest,
  deps: UploadDeps,
): Promise<ArrivedFile | RefusedFile> {
  const { id: userId } = callerOfRequest(request)
  let filename = part.rawFilename ?? ''
  try {
    filename = parseFilename(hasExtendedName(part.headers) ? filename : unescapedFilename(filename))
    if (isGarbled(filename, part.headers)) throw new AirlockError('filename_invalid', { filename, reason: 'it is not valid UTF-8' })
    const { bytes, tally } = part
    const incoming = { ...declarationOf(part, filename, assetType, deps.sizeLimits), bytes, tally }
    const sender = { userId, requestId: request.id, door: 'form', ...deps } as const
    return { index, file: await receive(incoming, sender, { ...deps, log: request.server.log }) }
  } catch (error) {
    const known = formError(error, request)
    if (!(known instanceof DrainLimitExceeded)) deps.metrics.countFiles(lossCode(known))
    if (!(error instanceof AirlockError)) throw known
    if (!belongsToFile(error)) throw error
    request.log.info({ userId, filename, code: error.code, step: 'receive' }, 'file refused')
    return refusedFile(index, filename, error)
  }
}

/** The code with which a file is counted whose form failed. */
export const lossCode = (error: unknown): ErrorCode => (error instanceof ClientGone ? 'upload_interrupted' : asAirlockError(error).code)

/** Browsers and curl encode a quote as `%22` and line ends as `%0D%0A` (WHATWG, multipart/form-data encoding): a quote is valid in a name. */
const unescapedFilename = (name: string): string => name.replace(/%22/g, '"').replace(/%0d/gi, '\r').replace(/%0a/gi, '\n')

/** The client's declarations about a file, if they are plausible. @throws AirlockError for the first rule that is violated */
function declarationOf({ contentType, headers }: FormFile, filename: string, assetType: AssetType | null, sizeLimits: SizeLimits) {
  const declaredType = normalizedType(contentType)
  const refused = judgeFile({ filename, declaredType, assetType }, sizeLimits)
  if (refused !== null) throw AirlockError.of(refused)
  return { filename, declaredType, assetType, expectedHash: expectedHash(headers['content-digest'], filename) }
}

/**
 * The expected SHA-256 of a file, from its part's `Content-Digest` (RFC 9530): `sha-256=:base64:`. Other algorithms
 * are ignored, as the RFC requires.
 *
 * @returns 64 hexadecimal digits, or null if there is none
 * @throws AirlockError `digest_malformed`, also for two different values
 */
function expectedHash(header: readonly string[] | undefined, filename: string): string | null {
  const expected = new Set<string>()
  for (const member of (header ?? []).join(',').split(',')) {
    const sign = member.indexOf('=')
    const [algorithm, value] = sign < 0 ? [member, ''] : [member.slice(0, sign), member.slice(sign + 1)]
    if (algorithm.trim().toLowerCase() !== 'sha-256') continue
    const base64 = /^:([A-Za-z0-9+/]{43}=):$/.exec(value.trim())?.[1]
    if (base64 === undefined) throw new AirlockError('digest_malformed', { filename })
    expected.add(Buffer.from(base64, 'base64').toString('hex'))
  }
  if (expected.size > 1) throw new AirlockError('digest_malformed', { filename })
  return expected.values().next().value ?? null
}
