import { readableBytes, refusal } from '@airlock/domain'
import { ArchiveNotAllowed, quoted } from '../bad-bytes.ts'
import type { Inspector } from '../inspector.ts'
import type { InspectionLimits } from '../limits.ts'
import { maxCaptionBytes } from './captions.ts'
import { readDirectory, searchAside } from './directory.ts'
import { type EntryRole, type SortedEntry, sortEntries } from './entry-rules.ts'
import { examineEntry } from './examine-entry.ts'
import { maxExtraBytes } from './extras.ts'
import { firstFault } from './first-fault.ts'
import { inFileOrder } from './layout.ts'
import { maxMacosBytes } from './macos-files.ts'
import { maxMetadataBytes } from './metadata.ts'
import { PixelBudget } from './pixel-budget.ts'

/**
 * Reads a training set: a ZIP of pictures, with captions beside them. The directory first, then entry by entry in the order of the file, at most
 * two in memory, so that every byte is read about once.
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
  const rejected = await firstFault(
    placed.map((each) => ({ entry: each.entry, examine: () => examineEntry(archive, each, context) })),
    onProgress,
  )
  if (rejected) return { ok: false, refusal: refusal('archive_entry_rejected', { filename, entry: rejected.name, reason: rejected.fault }) }
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
