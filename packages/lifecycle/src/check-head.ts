import { AirlockError, kindsOf, type MediaType, type SizeLimits } from '@airlock/domain'
import { claimedTypeOf, identify, judgeHead } from '@airlock/inspection/head'
import type { IncomingFile } from './incoming-file.ts'

export interface CheckedHead {
  mediaType: MediaType
  /** The maximum size of the file: that of its kind or, while the kind is unknown, the largest of all kinds that allow its type. */
  limitBytes: number
}

/**
 * Checks a file by its name, its declared type and its first bytes, with the rules of `inspection/head`.
 *
 * @param head the first bytes, at most 4100
 * @throws AirlockError for the first rule that the file breaks
 */
export async function checkHead(head: Uint8Array, file: Omit<IncomingFile, 'bytes'>, sizeLimits: SizeLimits): Promise<CheckedHead> {
  const content = await identify(head)
  const refusal = judgeHead({ filename: file.filename, claimedType: claimedTypeOf(file.filename), assetType: file.assetType }, content)
  if (refusal !== null) throw AirlockError.of(refusal)
  const { mediaType } = content
  if (mediaType === null) throw new Error(`content of unknown type passed the rules: ${content.described}`)
  const kinds = file.assetType === null ? kindsOf(mediaType) : [file.assetType]
  return { mediaType, limitBytes: Math.max(...kinds.map((kind) => sizeLimits[kind])) }
}
