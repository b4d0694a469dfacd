import { AirlockError, type AssetType, judgeFile, normalizedType, parseFilename, type SizeLimits } from '@airlock/domain'
import { type ReceivedFile, receive } from '@airlock/lifecycle'
import type { FastifyRequest } from 'fastify'
import { callerOfRequest } from '../plugins/auth.ts'
import { expectedHash } from './content-digest.ts'
import type { UploadDeps } from './deps.ts'
import { type FormFile, formError } from './form.ts'
import { hasExtendedName, isGarbled } from './part-headers.ts'
import { type RefusedFile, refusedFile } from './refused-file.ts'

/** A file of the form that has arrived in quarantine. */
export interface ArrivedFile {
  readonly index: number
  readonly file: ReceivedFile
}

/** Errors that concern one file only; the files after it are still received. A user above the share must send the form again. */
const belongsToFile = ({ status, code }: AirlockError): boolean =>
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
    if (!(error instanceof AirlockError)) throw formError(error, request)
    if (!belongsToFile(error)) throw error
    deps.metrics.files.inc({ result: error.code })
    request.log.info({ userId, filename, code: error.code, step: 'receive' }, 'file refused')
    return refusedFile(index, filename, error)
  }
}

/** Browsers and curl encode a quote as `%22` and line ends as `%0D%0A` (WHATWG, multipart/form-data encoding): a quote is valid in a name. */
const unescapedFilename = (name: string): string => name.replace(/%22/g, '"').replace(/%0d/gi, '\r').replace(/%0a/gi, '\n')

/** The client's declarations about a file, if they are plausible. @throws AirlockError for the first rule that is violated */
function declarationOf({ contentType, headers }: FormFile, filename: string, assetType: AssetType | null, sizeLimits: SizeLimits) {
  const declaredType = normalizedType(contentType)
  const refused = judgeFile({ filename, declaredType, assetType }, sizeLimits)
  if (refused !== null) throw AirlockError.of(refused)
  return { filename, declaredType, assetType, expectedHash: expectedHash(headers['content-digest'], filename) }
}
