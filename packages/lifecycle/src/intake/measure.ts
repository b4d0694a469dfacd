import { createHash } from 'node:crypto'
import type { Claim, UploadRepository } from '@airlock/database'
import { type ByteSource, type Refusal, refusal, type SizeLimits } from '@airlock/domain'
import { judgeStored } from './admission.ts'

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
  const judged = await judgeStored(claim, source, sizeLimits)
  if (!judged.ok) return judged
  const hash = await sha256Of(source, signal)
  if (expectedHash !== null && expectedHash !== hash) return { ok: false, refusal: refusal('digest_mismatch', { filename }) }
  await uploads.learnHash(claim, hash)
  return { ok: true, claim: { ...claim, contentHash: hash } }
}

async function sha256Of(source: ByteSource, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of source.stream()) {
    signal.throwIfAborted()
    hash.update(piece)
  }
  return hash.digest('hex')
}
