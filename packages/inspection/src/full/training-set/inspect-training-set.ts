import { type MediaType, type Refusal, readableBytes, refusal, type Verdict } from '@airlock/domain'
import { headBytes, identify } from '../../head/identify.ts'
import { judgeHead } from '../../head/judge.ts'
import { ArchiveNotAllowed, BadBytes, quoted } from '../bad-bytes.ts'
import type { Inspector } from '../inspector.ts'
import type { InspectionLimits } from '../limits.ts'
import { judgePicture } from '../picture/inspect-picture.ts'
import { searchBytes, searchText } from '../suspicious/search.ts'
import { faultOfCaption, maxCaptionBytes } from './captions.ts'
import { type Archive, readDirectory } from './directory.ts'
import { type SortedEntry, sortEntries } from './entry-rules.ts'
import { assertLaidOut, assertSizesBehindAgree } from './layout.ts'
import { unpack } from './unpack.ts'

/**
 * Reads a training set: a ZIP of pictures, with captions beside them. The directory first, then entry by entry, each alone in memory.
 *
 * A picture in it must pass as one that comes alone; the first that does not is named in the answer.
 */
export const inspectTrainingSet: Inspector = async (source, { filename, mediaType }, limits, onProgress) => {
  const archive = await readDirectory(source, limits.maxEntries)
  const entries = sortEntries(archive.entries)
  assertLaidOut(archive)
  assertBounded(entries, source.size, limits)
  searchText(archive.comment, 'its comment')
  searchBytes(archive.comment, 'its comment')
  const inOrder = [...entries].sort((a, b) => a.start - b.start)
  for (const [i, entry] of inOrder.entries()) {
    const fault = await faultOf(archive, entry, limits)
    await assertSizesBehindAgree(archive, entry, inOrder[i + 1]?.start ?? archive.directoryStart)
    if (fault !== null) return { ok: false, refusal: refusal('archive_entry_rejected', { filename, entry: entry.name, reason: fault }) }
    onProgress()
  }
  const count = (wanted: SortedEntry['role']) => entries.filter(({ role }) => role === wanted).length
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
  ({ picture: maxEntryBytes, caption: maxCaptionBytes, macos: maxMacosBytes, folder: 0 })[role]

/** Resource forks have a thumbnail at most. */
const maxMacosBytes = 1024 * 1024

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

/** What is wrong with an entry, as a sentence, or null. */
async function faultOf(archive: Archive, entry: SortedEntry, limits: InspectionLimits): Promise<string | null> {
  // most folders have no bytes, whatever they are packed by; those that have some must unpack to nothing
  if (entry.role === 'folder' && entry.packedBytes === 0) return null
  const bytes = await unpack(archive, entry)
  if (entry.role === 'folder') return null
  if (entry.role === 'macos') return isMacosFile(bytes) ? null : `it is not what macOS writes under its name.`
  if (entry.role === 'caption') {
    const fault = faultOfCaption(entry.name, bytes)
    return fault === null ? null : `${fault}.`
  }
  return (await refusalOfPicture(entry, bytes, limits))?.detail ?? null
}

/** The first bytes of AppleDouble (RFC 1740, appendix B) and of the Finder's own files. */
const macosHeads: readonly Buffer[] = [Buffer.from('00051607', 'hex'), Buffer.from('0000000142756431', 'hex')]

const isMacosFile = (bytes: Buffer): boolean => bytes.length === 0 || macosHeads.some((head) => bytes.subarray(0, head.length).equals(head))

async function refusalOfPicture({ name, mediaType }: SortedEntry, bytes: Buffer, limits: InspectionLimits): Promise<Refusal | null> {
  const picture = { filename: name, mediaType: mediaType as MediaType }
  if (bytes.length === 0) return refusal('empty_file', { filename: name })
  const head = judgeHead(
    { filename: name, claimedType: picture.mediaType, assetType: 'brand_image' },
    await identify(bytes.subarray(0, headBytes)),
  )
  if (head) return head
  const verdict: Verdict = await judgePicture(bytes, picture, limits).catch((error: unknown) => {
    if (error instanceof BadBytes) return { ok: false, refusal: error.asRefusal(name) }
    throw error
  })
  return verdict.ok ? null : verdict.refusal
}
