import { type AssetKind, assetKind, type ByteSource, judgeContent, mediaTypes, type Refusal, refusal, type Verdict } from '@airlock/domain'
import { headBytes, identify } from '../head/identify.ts'
import { BadBytes } from './bad-bytes.ts'
import type { InspectedUpload, Inspector } from './inspector.ts'
import { defaultLimits, type InspectionLimits } from './limits.ts'
import { inspectPicture } from './picture/inspect-picture.ts'
import { readFully } from './read-fully.ts'
import { inspectTrainingSet } from './training-set/inspect-training-set.ts'
import { inspectVideo } from './video/inspect-video.ts'

/** The version of the rules below. Raise it when a rule comes, goes or changes. */
export const inspectionVersion = 4

/** A verdict, and the version of the rules that gave it, so that assets can be found which older rules let in. */
export type Inspection = Verdict & { readonly inspectionVersion: number }

const inspectors: Record<NonNullable<AssetKind['inspector']>, Inspector> = {
  picture: inspectPicture,
  video: inspectVideo,
  training_set: inspectTrainingSet,
}

/**
 * Whether the bytes are what they claim to be. Looks at everything anew: what the gateway saw proves nothing here.
 *
 * @param onProgress called when a part of a large file is done, so that whoever waits sees it move
 * @returns rejected only when the bytes are bad, so that looking again would not help
 *
 * @throws whatever the source throws (object changed, store out of reach), and what is our own fault (no memory, no time):
 *   none of these says anything about the file, so the caller tries again
 */
export async function inspect(
  source: ByteSource,
  upload: InspectedUpload,
  limits: InspectionLimits = defaultLimits,
  onProgress: () => void = () => {},
): Promise<Inspection> {
  const verdict = await judge(source, upload, limits, onProgress).catch((error: unknown): Verdict => {
    if (error instanceof BadBytes) return rejected(error.asRefusal(upload.filename))
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

  const content = await identify(await readFully(source, 0, Math.min(headBytes, source.size)))
  const refused = judgeContent({ filename, claimedType, assetType }, content)
  if (refused) return rejected(refused)
  if (content.mediaType !== claimedType) {
    return rejected(refusal('type_mismatch', { filename, claimed: mediaTypes[claimedType].name, found: content.described }))
  }
  return inspectors[inspector](source, upload, limits, onProgress)
}

const rejected = (why: Refusal): Verdict => ({ ok: false, refusal: why })
