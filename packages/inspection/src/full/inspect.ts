import {
  type Accepted,
  type AssetKind,
  assetKind,
  type ByteSource,
  bytesInMemory,
  judgeContent,
  judgeProvenance,
  MiB,
  mediaTypes,
  type Refusal,
  refusal,
  type Verdict,
} from '@airlock/domain'
import { headBytes, identify } from '../head/identify.ts'
import { readFully } from './byte-range.ts'
import { inspectPicture } from './inspect-picture.ts'
import { inspectVideo } from './inspect-video.ts'
import type { InspectedUpload, Inspector } from './inspector.ts'
import { defaultLimits, type InspectionLimits } from './inspector.ts'
import { InvalidFile } from './invalid-file.ts'
import { inspectTrainingSet } from './training-set/inspect-training-set.ts'

/** The version of the rules below. Raise it when a rule is added, removed or changed. */
export const inspectionVersion = 5

/** A verdict with the version of the rules that produced it, so that assets can be found that older rules accepted. */
export type Inspection = Verdict & { readonly inspectionVersion: number }

const inspectors: Record<NonNullable<AssetKind['inspector']>, Inspector> = {
  picture: inspectPicture,
  video: inspectVideo,
  training_set: inspectTrainingSet,
}

/**
 * Decides whether a file is valid and of its claimed type. Repeats every check of the gateway, because the object may have changed since.
 *
 * @param onProgress called when a part of a large file is done, so that the caller can distinguish slow work from a standstill
 * @returns a rejection only if the file itself is invalid, so that a repeated inspection would give the same result
 *
 * @throws errors of the source (object changed, store unavailable) and of this process (out of memory, out of time). They prove nothing about
 *   the file, so the caller retries
 */
export async function inspect(
  source: ByteSource,
  upload: InspectedUpload,
  limits: InspectionLimits = defaultLimits,
  onProgress: () => void = () => {},
): Promise<Inspection> {
  const verdict = await judge(source, upload, limits, onProgress).catch((error: unknown): Verdict => {
    if (error instanceof InvalidFile) return rejected(error.asRefusal(upload.filename))
    throw error
  })
  if (!verdict.ok) return { ...verdict, inspectionVersion }
  return { ...verdict, facts: { ...verdict.facts, inspection_version: inspectionVersion }, inspectionVersion }
}

async function judge(source: ByteSource, upload: InspectedUpload, limits: InspectionLimits, onProgress: () => void): Promise<Verdict> {
  const { filename, assetType, mediaType: claimedType } = upload
  const { inspector } = assetKind(assetType)
  const limitBytes = limits.maxBytes[assetType]
  if (inspector === null) return rejected(refusal('asset_type_not_available', { value: assetType }))
  if (source.size === 0) return rejected(refusal('empty_file', { filename }))
  if (source.size > limitBytes) return rejected(refusal('file_too_large', { filename, limitBytes }))

  const file = await inMemoryIfSmall(source, inspector)
  const content = await identify(await readFully(file, 0, Math.min(headBytes, file.size)))
  const refused = judgeContent({ filename, claimedType, assetType }, content)
  if (refused) return rejected(refused)
  if (content.mediaType !== claimedType) {
    return rejected(refusal('type_mismatch', { filename, claimed: mediaTypes[claimedType].name, found: content.described }))
  }
  const verdict = await inspectors[inspector](file, upload, limits, onProgress)
  return verdict.ok ? (refusedByPolicy(verdict, upload, limits) ?? verdict) : verdict
}

/** What the operator demands of the provenance of a kind, after everything else has passed. */
function refusedByPolicy(
  { facts }: Accepted,
  { filename, assetType }: InspectedUpload,
  { provenance: { policy } }: InspectionLimits,
): Verdict | null {
  const why = facts.provenance && judgeProvenance(filename, facts.provenance, policy[assetType] ?? 'report')
  return why ? rejected(why) : null
}

/** Reading this much at once takes less time than a second read, which is a message to another process and perhaps a request to the store. */
export const smallBytes = MiB

/** Reads a small file, or a picture, which is needed as a whole, once instead of once for each of its parts. */
async function inMemoryIfSmall(source: ByteSource, inspector: NonNullable<AssetKind['inspector']>): Promise<ByteSource> {
  const isReadWhole = inspector === 'picture' || source.size <= smallBytes
  return isReadWhole ? bytesInMemory(await readFully(source, 0, source.size)) : source
}

const rejected = (why: Refusal): Verdict => ({ ok: false, refusal: why })
