import { claimedTypeOf, judgeContent, type MediaType, refusal } from '@airlock/domain'
import { headBytes, identify } from '../../head/identify.ts'
import { decodePicture, examinePicture } from '../inspect-picture.ts'
import type { InspectionLimits } from '../inspector.ts'
import { ArchiveNotAllowed, InvalidFile } from '../invalid-file.ts'
import type { Archive } from './directory.ts'
import type { SortedEntry } from './entry-rules.ts'
import type { ExaminedEntry } from './first-fault.ts'
import { ignoredFileFault } from './ignored-files.ts'
import { assertDescriptorMatches, assertNoGap, type PlacedEntry } from './layout.ts'
import { readLocalHeader } from './local-header.ts'
import { macosFileFault } from './macos-files.ts'
import { metadataFault } from './metadata.ts'
import type { PixelBudget } from './pixel-budget.ts'
import { captionFault } from './text-files.ts'
import { unpack } from './unpack.ts'

/** What the checks of all entries share. */
export interface ArchiveContext {
  readonly limits: InspectionLimits
  readonly budget: PixelBudget
  readonly isEntry: (name: string) => boolean
}

/**
 * Reads an entry and checks everything but the pixels of a picture, which `decode` checks.
 *
 * @throws InvalidFile for defects of the archive as a whole, errors of the source
 */
export async function examineEntry(
  archive: Archive,
  { entry, next }: PlacedEntry<SortedEntry>,
  context: ArchiveContext,
): Promise<ExaminedEntry> {
  const dataStart = await readLocalHeader(archive, entry, next)
  const dataEnd = dataStart + entry.packedBytes
  assertNoGap(entry, dataEnd, next)
  // most folders have no bytes, whatever their method; those that have some must unpack to nothing
  const isEmptyFolder = entry.isFolder && entry.packedBytes === 0
  const examined = isEmptyFolder ? { fault: null } : await examineContents(entry, await unpack(archive.reader, entry, dataStart), context)
  await assertDescriptorMatches(archive, entry, dataEnd, next)
  return examined
}

async function examineContents(entry: SortedEntry, bytes: Buffer, context: ArchiveContext): Promise<ExaminedEntry> {
  let picture: ExaminedEntry = { fault: null }
  const fault = await faultOf(entry.name, async () => {
    if (entry.role !== 'picture') return sentence(otherFault(entry, bytes, context))
    picture = await examinePictureEntry(entry.name, bytes, context)
    return picture.fault
  })
  return { ...picture, fault }
}

const sentence = (fault: string | null): string | null => (fault === null ? null : `${fault}.`)

/** The defect that `check` returns or throws, as a sentence, or null. */
async function faultOf(name: string, check: () => Promise<string | null>): Promise<string | null> {
  try {
    return await check()
  } catch (error) {
    // a defect of the archive as a whole is not attributed to the entry at which it was found
    if (error instanceof InvalidFile && !(error instanceof ArchiveNotAllowed)) return error.asRefusal(name).detail
    throw error
  }
}

function otherFault({ name, role }: SortedEntry, bytes: Buffer, { isEntry }: ArchiveContext): string | null {
  switch (role) {
    case 'macos':
      return macosFileFault(name, bytes)
    case 'ignored':
      return ignoredFileFault(name.slice(name.lastIndexOf('/') + 1), bytes)
    case 'caption':
      return captionFault(name, bytes)
    case 'metadata':
      return metadataFault(name, bytes, isEntry)
    default:
      return null
  }
}

/** The content determines a picture's format, whichever accepted extension its name has: programs open it by content. */
async function examinePictureEntry(name: string, bytes: Buffer, { limits, budget }: ArchiveContext): Promise<ExaminedEntry> {
  if (bytes.length === 0) return { fault: refusal('empty_file', { filename: name }).detail }
  const content = await identify(bytes.subarray(0, headBytes))
  const head = judgeContent({ filename: name, claimedType: claimedTypeOf(name), assetType: 'brand_image' }, content)
  if (head) return { fault: head.detail }
  const mediaType = content.mediaType as MediaType
  const examined = await examinePicture(bytes, { filename: name, mediaType }, limits, (pixels) => budget.take(pixels))
  if (!examined.ok) return { fault: examined.refusal.detail }
  const { width, height, frames } = examined.structure
  return {
    fault: null,
    pixels: width * height * frames,
    decode: () =>
      faultOf(name, async () => {
        await decodePicture(examined, mediaType, limits)
        return null
      }),
  }
}
