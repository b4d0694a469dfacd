import { readableBytes, refusal } from '@airlock/domain'
import type { InspectionLimits, Inspector } from '../inspector.ts'
import { ArchiveNotAllowed, quoted } from '../invalid-file.ts'
import { readDirectory, searchHiddenBytes } from './directory.ts'
import { type EntryRole, type SortedEntry, sortEntries } from './entry-rules.ts'
import { examineEntry } from './examine-entry.ts'
import { firstFault } from './first-fault.ts'
import { maxIgnoredBytes } from './ignored-files.ts'
import { inFileOrder } from './layout.ts'
import { maxMacosBytes } from './macos-files.ts'
import { maxMetadataBytes } from './metadata.ts'
import { PixelBudget } from './pixel-budget.ts'
import { maxCaptionBytes } from './text-files.ts'

/**
 * Inspects a training set: a ZIP of pictures and captions. Reads the central directory first, then the entries in the order of the file, at most
 * two in memory, so that every byte is read about once.
 *
 * Each picture must pass the rules for single pictures; the first that does not is named in the verdict.
 */
export const inspectTrainingSet: Inspector = async (source, { filename, mediaType }, limits, onProgress) => {
  const archive = await readDirectory(source, limits.maxEntries, onProgress)
  const entries = sortEntries(archive.entries)
  const placed = inFileOrder(entries, archive.directoryStart)
  assertBounded(entries, source.size, limits)
  searchHiddenBytes(archive.comment, 'its comment')
  const files = new Set(entries.flatMap(({ name, isFolder }) => (isFolder ? [] : [name.normalize('NFC')])))
  const context = { limits, budget: new PixelBudget(source.size, limits), isEntry: (name: string) => files.has(name) }
  const rejected = await firstFault(
    placed.map((each) => ({ entry: each.entry, examine: () => examineEntry(archive, each, context) })),
    onProgress,
  )
  if (rejected) return { ok: false, refusal: refusal('archive_entry_rejected', { filename, entry: rejected.name, reason: rejected.fault }) }
  const count = (wanted: EntryRole) => entries.filter(({ role }) => role === wanted).length
  if (count('picture') === 0) throw new ArchiveNotAllowed('it contains no picture')
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

/** The maximum unpacked size of an entry, by role. */
const bytesAllowed = ({ role }: SortedEntry, { maxEntryBytes }: InspectionLimits): number =>
  ({
    picture: maxEntryBytes,
    caption: maxCaptionBytes,
    metadata: maxMetadataBytes,
    macos: maxMacosBytes,
    ignored: maxIgnoredBytes,
    folder: 0,
  })[role]

/** Small entries may compress better: a caption that repeats one word. */
const ratioAppliesAboveBytes = 1024 * 1024

/**
 * Compares the sizes in the headers with the limits before anything is unpacked. Unpacking then compares the bytes with the headers.
 *
 * @throws ArchiveNotAllowed
 */
function assertBounded(entries: readonly SortedEntry[], archiveBytes: number, limits: InspectionLimits): void {
  for (const entry of entries) {
    const { name, packedBytes, unpackedBytes } = entry
    const allowed = bytesAllowed(entry, limits)
    if (unpackedBytes > allowed) throw new ArchiveNotAllowed(`the entry ${quoted(name)} is larger than ${readableBytes(allowed)}`)
    if (unpackedBytes > ratioAppliesAboveBytes && unpackedBytes > packedBytes * limits.maxUnpackRatio) {
      throw new ArchiveNotAllowed(`the entry ${quoted(name)} unpacks to more than ${limits.maxUnpackRatio} times its size`)
    }
  }
  const total = entries.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0)
  if (total > limits.maxUnpackedBytes) throw new ArchiveNotAllowed(`it unpacks to more than ${readableBytes(limits.maxUnpackedBytes)}`)
  if (total > ratioAppliesAboveBytes && total > archiveBytes * limits.maxUnpackRatio) {
    throw new ArchiveNotAllowed(`it unpacks to more than ${limits.maxUnpackRatio} times its size`)
  }
}
