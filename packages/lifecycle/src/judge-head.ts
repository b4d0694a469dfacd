import { AirlockError, kindsOf, type MediaType, type SizeLimits } from '@airlock/domain'
import { claimedTypeOf, identify, judgeHead as judge } from '@airlock/inspection/head'
import type { IncomingFile } from './incoming-file.ts'

export interface JudgedHead {
  mediaType: MediaType
  /** How large the file may be: by its kind, or while that is unknown by the most generous kind that takes its type. */
  limitBytes: number
}

/**
 * Judges a file by its name, its declared type and its first bytes, with the rules of `inspection/head`.
 *
 * @param head the first bytes, at most 4100
 * @throws AirlockError with the first rule that it breaks
 */
export async function judgeHead(head: Uint8Array, file: Omit<IncomingFile, 'bytes'>, sizeLimits: SizeLimits): Promise<JudgedHead> {
  const content = await identify(head)
  const refusal = judge({ filename: file.filename, claimedType: claimedTypeOf(file.filename), assetType: file.assetType }, content)
  if (refusal !== null) throw AirlockError.of(refusal)
  const { mediaType } = content
  if (mediaType === null) throw new Error(`content of no known type passed the rules: ${content.described}`)
  const kinds = file.assetType === null ? kindsOf(mediaType) : [file.assetType]
  return { mediaType, limitBytes: Math.max(...kinds.map((kind) => sizeLimits[kind])) }
}
