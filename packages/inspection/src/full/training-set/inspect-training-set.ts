import { type MediaType, type Refusal, readableBytes, refusal } from '@airlock/domain'
import { headBytes, identify } from '../../head/identify.ts'
import { claimedTypeOf, judgeHead } from '../../head/judge.ts'
import { ArchiveNotAllowed, BadBytes, quoted } from '../bad-bytes.ts'
import type { Inspector } from '../inspector.ts'
import type { InspectionLimits } from '../limits.ts'
import { judgePicture } from '../picture/inspect-picture.ts'
import { faultOfCaption, maxCaptionBytes } from './captions.ts'
import { readDirectory, searchAside } from './directory.ts'
import { type EntryRole, type SortedEntry, sortEntries } from './entry-rules.ts'
import { faultOfExtra, maxExtraBytes } from './extras.ts'
import { assertNothingBetween, assertSizesBehindAgree, inFileOrder } from './layout.ts'
import { readLocalHeader } from './local-header.ts'
import { faultOfMacosFile, maxMacosBytes } from './macos-files.ts'
import { faultOfMetadata, maxMetadataBytes } from './metadata.ts'
import { PixelBudget } from './pixel-budget.ts'
import { unpack } from './unpack.ts'

/**
 * Reads a training set: a ZIP of pictures, with captions beside them. The directory first, then entry by entry in the order of the file, each
 * alone in memory, so that every byte is read about once.
 *
 * A picture in it must pass as one that comes alone; the first that does not is named in the answer.
 */
export const inspectTrainingSet: Inspector = async (source, { filename, mediaType }, limits, onProgress) => {
  const archive = await readDirectory(source, limits.maxEntries, onProgress)
  const entries = sortEntries(archive.entries)
  const placed = inFileOrder(entries, archive.directoryStart)
  assertBounded(entries, source.size, limits)
  searchAside(archive.comment, 'its comment')
  const files = new Set(entries.flatMap(({ name, isFolder }) => (isFolder ? [] : [name.normalize('NFC')])))
  const context = { limits, budget: new PixelBudget(source.size, limits), isEntry: (name: string) => files.has(name) }
  for (const { entry, next } of placed) {
    const dataStart = await readLocalHeader(archive, entry, next)
    const dataEnd = dataStart + entry.packedBytes
    assertNothingBetween(entry, dataEnd, next)
    // most folders have no bytes, whatever they are packed by; those that have some must unpack to nothing
    const isEmptyFolder = entry.isFolder && entry.packedBytes === 0
    const fault = isEmptyFolder ? null : await faultOf(entry, await unpack(archive.reader, entry, dataStart), context)
    await assertSizesBehindAgree(archive, entry, dataEnd, next)
    if (fault !== null) return { ok: false, refusal: refusal('archive_entry_rejected', { filename, entry: entry.name, reason: fault }) }
    onProgress()
  }
  const count = (wanted: EntryRole) => entries.filter(({ role }) => role === wanted).length
  if (count('picture') === 0) throw new ArchiveNotAllowed('it has no picture in it')
  return {
    ok: true,
    mediaType,
    facts: {
      entries: entries.length,
      pictures: count('picture'),
      captions: count('caption'),
      unpacked_bytes: entries.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0),
    },
  }
}

/** What an entry may unpack to, by what it is. */
const bytesAllowed = ({ role }: SortedEntry, { maxEntryBytes }: InspectionLimits): number =>
  ({
    picture: maxEntryBytes,
    caption: maxCaptionBytes,
    metadata: maxMetadataBytes,
    macos: maxMacosBytes,
    extra: maxExtraBytes,
    folder: 0,
  })[role]

/** Below this, packing may do wonders: a caption of one word again and again. */
const ratioFromBytes = 1024 * 1024

/**
 * Holds what the headers say against the limits, before anything is unpacked. Unpacking then holds the bytes against the headers.
 *
 * @throws ArchiveNotAllowed
 */
function assertBounded(entries: readonly SortedEntry[], archiveBytes: number, limits: InspectionLimits): void {
  for (const entry of entries) {
    const { name, packedBytes, unpackedBytes } = entry
    const allowed = bytesAllowed(entry, limits)
    if (unpackedBytes > allowed) throw new ArchiveNotAllowed(`the entry ${quoted(name)} is larger than ${readableBytes(allowed)}`)
    if (unpackedBytes > ratioFromBytes && unpackedBytes > packedBytes * limits.maxUnpackRatio) {
      throw new ArchiveNotAllowed(`the entry ${quoted(name)} unpacks to more than ${limits.maxUnpackRatio} times its size`)
    }
  }
  const total = entries.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0)
  if (total > limits.maxUnpackedBytes) throw new ArchiveNotAllowed(`it unpacks to more than ${readableBytes(limits.maxUnpackedBytes)}`)
  if (total > ratioFromBytes && total > archiveBytes * limits.maxUnpackRatio) {
    throw new ArchiveNotAllowed(`it unpacks to more than ${limits.maxUnpackRatio} times its size`)
  }
}

/** What all entries of an archive are judged with. */
interface ArchiveContext {
  readonly limits: InspectionLimits
  readonly budget: PixelBudget
  readonly isEntry: (name: string) => boolean
}

/** What is wrong with an entry, as a sentence, or null. */
async function faultOf(entry: SortedEntry, bytes: Buffer, context: ArchiveContext): Promise<string | null> {
  try {
    if (entry.role === 'picture') return (await refusalOfPicture(entry.name, bytes, context))?.detail ?? null
    const fault = faultOfOther(entry, bytes, context)
    return fault === null ? null : `${fault}.`
  } catch (error) {
    // what is wrong with the archive as a whole is no fault of the entry at which that shows
    if (error instanceof BadBytes && !(error instanceof ArchiveNotAllowed)) return error.asRefusal(entry.name).detail
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
async function refusalOfPicture(name: string, bytes: Buffer, { limits, budget }: ArchiveContext): Promise<Refusal | null> {
  if (bytes.length === 0) return refusal('empty_file', { filename: name })
  const content = await identify(bytes.subarray(0, headBytes))
  const head = judgeHead({ filename: name, claimedType: claimedTypeOf(name), assetType: 'brand_image' }, content)
  if (head) return head
  const picture = { filename: name, mediaType: content.mediaType as MediaType }
  const verdict = await judgePicture(bytes, picture, limits, (pixels) => budget.take(pixels))
  return verdict.ok ? null : verdict.refusal
}
