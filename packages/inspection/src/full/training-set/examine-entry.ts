import { claimedTypeOf, judgeContent, type MediaType, refusal } from '@airlock/domain'
import { headBytes, identify } from '../../head/identify.ts'
import { ArchiveNotAllowed, BadBytes } from '../bad-bytes.ts'
import type { InspectionLimits } from '../limits.ts'
import { decodePicture, examinePicture } from '../picture/inspect-picture.ts'
import { faultOfCaption } from './captions.ts'
import type { Archive } from './directory.ts'
import type { SortedEntry } from './entry-rules.ts'
import { faultOfExtra } from './extras.ts'
import type { Examined } from './first-fault.ts'
import { assertNothingBetween, assertSizesBehindAgree, type PlacedEntry } from './layout.ts'
import { readLocalHeader } from './local-header.ts'
import { faultOfMacosFile } from './macos-files.ts'
import { faultOfMetadata } from './metadata.ts'
import type { PixelBudget } from './pixel-budget.ts'
import { unpack } from './unpack.ts'

/** What all entries of an archive are judged with. */
export interface ArchiveContext {
  readonly limits: InspectionLimits
  readonly budget: PixelBudget
  readonly isEntry: (name: string) => boolean
}

/**
 * Reads an entry and checks everything of it but a picture's pixels, which are left for its `decode`.
 *
 * @throws BadBytes for what is wrong with the archive as a whole; what the source throws
 */
export async function examineEntry(
  archive: Archive,
  { entry, next }: PlacedEntry<SortedEntry>,
  context: ArchiveContext,
): Promise<Examined> {
  const dataStart = await readLocalHeader(archive, entry, next)
  const dataEnd = dataStart + entry.packedBytes
  assertNothingBetween(entry, dataEnd, next)
  // most folders have no bytes, whatever they are packed by; those that have some must unpack to nothing
  const isEmptyFolder = entry.isFolder && entry.packedBytes === 0
  const examined = isEmptyFolder ? { fault: null } : await examineContents(entry, await unpack(archive.reader, entry, dataStart), context)
  await assertSizesBehindAgree(archive, entry, dataEnd, next)
  return examined
}

async function examineContents(entry: SortedEntry, bytes: Buffer, context: ArchiveContext): Promise<Examined> {
  let picture: Examined = { fault: null }
  const fault = await faultOf(entry.name, async () => {
    if (entry.role !== 'picture') return sentence(faultOfOther(entry, bytes, context))
    picture = await examineAsPicture(entry.name, bytes, context)
    return picture.fault
  })
  return { ...picture, fault }
}

const sentence = (fault: string | null): string | null => (fault === null ? null : `${fault}.`)

/** What `check` finds wrong with an entry, as a sentence, or null. */
async function faultOf(name: string, check: () => Promise<string | null>): Promise<string | null> {
  try {
    return await check()
  } catch (error) {
    // what is wrong with the archive as a whole is no fault of the entry at which that shows
    if (error instanceof BadBytes && !(error instanceof ArchiveNotAllowed)) return error.asRefusal(name).detail
    throw error
  }
}

function faultOfOther({ name, role }: SortedEntry, bytes: Buffer, { isEntry }: ArchiveContext): string | null {
  switch (role) {
    case 'macos':
      return faultOfMacosFile(name, bytes)
    case 'extra':
      return faultOfExtra(name.slice(name.lastIndexOf('/') + 1), bytes)
    case 'caption':
      return faultOfCaption(name, bytes)
    case 'metadata':
      return faultOfMetadata(name, bytes, isEntry)
    default:
      return null
  }
}

/** A picture is what it is, whichever of the formats that we take its name stands for: whoever opens it goes by the content. */
async function examineAsPicture(name: string, bytes: Buffer, { limits, budget }: ArchiveContext): Promise<Examined> {
  if (bytes.length === 0) return { fault: refusal('empty_file', { filename: name }).detail }
  const content = await identify(bytes.subarray(0, headBytes))
  const head = judgeContent({ filename: name, claimedType: claimedTypeOf(name), assetType: 'brand_image' }, content)
  if (head) return { fault: head.detail }
  const mediaType = content.mediaType as MediaType
  const examined = await examinePicture(bytes, { filename: name, mediaType }, limits, (pixels) => budget.take(pixels))
  if (!examined.ok) return { fault: examined.refusal.detail }
  const { width, height, frames } = examined.anatomy
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
