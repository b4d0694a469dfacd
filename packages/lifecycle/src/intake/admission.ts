import { type ByteSource, judgeFile, type KnownFile, type MediaType, type Refusal, type SizeLimits, sizeLimitOf } from '@airlock/domain'
import { headBytes, identify } from '@airlock/inspection/head'

/** What a file claims to be, before any of its bytes is known. */
export type ClaimedFile = Pick<KnownFile, 'filename' | 'declaredType' | 'assetType'>

export type Judged =
  | { readonly ok: true; readonly mediaType: MediaType; readonly limitBytes: number }
  | { readonly ok: false; readonly refusal: Refusal }

/**
 * Judges a file by its first bytes and everything else that is known of it (`judgeFile`).
 *
 * @param head the first bytes: 4100, or the whole file if it is shorter
 * @param sizeBytes the size of the file, or how many of its bytes have arrived
 */
export async function judgeHead(head: Uint8Array, file: ClaimedFile, sizeBytes: number, sizeLimits: SizeLimits): Promise<Judged> {
  const content = await identify(head)
  const known = { ...file, content, sizeBytes }
  const refusal = judgeFile(known, sizeLimits)
  if (refusal !== null) return { ok: false, refusal }
  // unknown content belongs to no kind, so it has been refused
  return { ok: true, mediaType: content.mediaType as MediaType, limitBytes: sizeLimitOf(known, sizeLimits) }
}

/**
 * Judges a stored file as a door judges an arriving one. A file that is refused for its name or its size is not read.
 *
 * @throws the errors of the source
 */
export async function judgeStored(file: ClaimedFile, source: ByteSource, sizeLimits: SizeLimits): Promise<Judged> {
  const refusal = judgeFile({ ...file, sizeBytes: source.size }, sizeLimits)
  if (refusal !== null) return { ok: false, refusal }
  return judgeHead(await source.read(0, headBytes), file, source.size, sizeLimits)
}
