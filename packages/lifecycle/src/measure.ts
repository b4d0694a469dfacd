import { createHash } from 'node:crypto'
import type { Claim, UploadRepository } from '@airlock/database'
import { AirlockError, asRefusal, type ByteSource, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import { headBytes, judgeName } from '@airlock/inspection/head'
import { checkHead } from './check-head.ts'

/** A claim on an upload whose hash is known. */
export type MeasuredClaim = Claim & { readonly contentHash: string }

export type Measured = { readonly ok: true; readonly claim: MeasuredClaim } | { readonly ok: false; readonly refusal: Refusal }

export interface MeasureDeps {
  uploads: Pick<UploadRepository, 'learnHash'>
  sizeLimits: SizeLimits
}

/**
 * Checks an existing object as the gateway checks a file while it streams: its size, its first bytes, and its SHA-256, in one pass in bounded
 * memory. The hash is stored in the row, so that the next attempt need not read all bytes again: they are the same, because all reads are pinned
 * to the ETag.
 *
 * @param signal checked between two pieces
 * @throws ClaimLost  a later attempt owns the upload
 * @throws StoreError  from the reads of the source
 */
export async function measure(
  claim: Claim,
  source: ByteSource,
  signal: AbortSignal,
  { uploads, sizeLimits }: MeasureDeps,
): Promise<Measured> {
  const { contentHash, expectedHash, filename } = claim
  if (contentHash !== null) return { ok: true, claim: { ...claim, contentHash } }
  const refused = await refusalOf(claim, source, sizeLimits)
  if (refused !== null) return { ok: false, refusal: refused }
  const hash = await sha256Of(source, signal)
  if (expectedHash !== null && expectedHash !== hash) return { ok: false, refusal: refusal('digest_mismatch', { filename }) }
  await uploads.learnHash(claim, hash)
  return { ok: true, claim: { ...claim, contentHash: hash } }
}

async function refusalOf(claim: Claim, source: ByteSource, sizeLimits: SizeLimits): Promise<Refusal | null> {
  try {
    await checkStored(claim, source, sizeLimits)
    return null
  } catch (error) {
    if (!(error instanceof AirlockError)) throw error
    return asRefusal(error)
  }
}

/**
 * Checks a stored file by its size, its name and its first bytes, as a door checks an arriving one.
 *
 * @throws AirlockError for the first rule that the file breaks
 */
export async function checkStored(
  file: Pick<Claim, 'filename' | 'declaredType' | 'assetType'>,
  source: ByteSource,
  sizeLimits: SizeLimits,
): Promise<void> {
  const { filename, assetType } = file
  const refused = judgeName(file)
  if (refused !== null) throw AirlockError.of(refused)
  const limitBytes = sizeLimits[assetType]
  if (source.size === 0) throw new AirlockError('empty_file', { filename })
  if (source.size > limitBytes) throw new AirlockError('file_too_large', { filename, limitBytes })
  await checkHead(await source.read(0, headBytes), file, sizeLimits)
}

async function sha256Of(source: ByteSource, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of source.stream()) {
    signal.throwIfAborted()
    hash.update(piece)
  }
  return hash.digest('hex')
}
