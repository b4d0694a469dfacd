import { extensionOf, mediaTypeOfExtension } from '@airlock/domain'
import { ArchiveNotAllowed, quoted } from '../bad-bytes.ts'
import { captionExtensions } from './captions.ts'
import { type ArchiveEntry, flagBits } from './directory.ts'
import { foldedName, rootFolder } from './entry-names.ts'
import { isExtraName } from './extras.ts'
import { isMacosName } from './macos-files.ts'
import { isMetadataName } from './metadata.ts'

/** How an entry is read. Pictures, captions and lists of them are what training sets hold; the rest is passed over. */
export type EntryRole = 'picture' | 'caption' | 'metadata' | 'folder' | 'macos' | 'extra'

export interface SortedEntry extends ArchiveEntry {
  readonly role: EntryRole
}

/** Extensions of archives, to tell them by name. Any other is refused as well. */
const archiveExtensions: readonly string[] = ['zip', 'rar', '7z', 'tar', 'gz', 'tgz', 'bz2', 'xz', 'zst', 'jar', 'iso', 'cab']

const [kindMask, unixKinds] = [0xf000, { unsaid: 0, folder: 0x4000, file: 0x8000, symlink: 0xa000 }] as const
/** Attributes of files on DOS and Windows; a reparse point is Windows' link. */
const dosBits = { folder: 0x10, device: 0x40, reparsePoint: 0x400 } as const
const [stored, deflated] = [0, 8] as const
const maxNameBytes = 1024
/** The last version of the format (APPNOTE 6.3.10, section 4.4.3.2). Unpackers refuse what says that it needs a later one. */
const lastVersion = 63

/** Whatever system the entry says it was made on: some unpackers look at these bits without asking that. */
const unixKindOf = ({ attributes }: ArchiveEntry): number => (attributes >>> 16) & kindMask

interface NameRule {
  readonly breaks: (name: string) => boolean
  readonly says: string
}

/** What no name may be, in the order in which a client is told. */
const nameRules: readonly NameRule[] = [
  { breaks: (name) => name === '' || Buffer.byteLength(name) > maxNameBytes, says: 'has no usable name' },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for
  { breaks: (name) => /[\0-\x1f\x7f]/.test(name), says: 'has control characters in its name' },
  { breaks: (name) => name.includes('\\'), says: 'has a backslash in its name' },
  { breaks: (name) => name.startsWith('/') || /^[A-Za-z]:/.test(name), says: 'has an absolute path' },
  { breaks: (name) => name.split('/').includes('..'), says: "has '..' in its path" },
  {
    breaks: (name) => name !== rootFolder && name.split('/').some((part, i, all) => (part === '' && i < all.length - 1) || part === '.'),
    says: 'has an empty part in its path',
  },
  { breaks: (name) => name.split('/').some(isGitFolder), says: "lies in '.git', a repository's own folder; leave that out" },
  {
    breaks: (name) => /(?:^|\/)(?:eh)?thumbs(?:_\w+)?\.db$/i.test(name),
    says: "holds previews that Windows keeps beside pictures; leave it out, for example by zip -d set.zip '*humbs*.db'",
  },
  { breaks: (name) => archiveExtensions.includes(extensionOf(name)) && !isMacosName(name), says: 'is an archive in the archive' },
]

/** Also as Windows and macOS take it for the same: in capitals, with dots and blanks behind it, by its short name, with letters that show nothing. */
const isGitFolder = (part: string): boolean =>
  /^(?:\.git|git~\d+)$/i.test(part.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '').replace(/[. ]+$/, ''))

interface EntryRule {
  readonly breaks: (entry: ArchiveEntry) => boolean
  readonly says: string
}

/** The same for all else of an entry. Each is a way in which unpacking does what nobody asked for. */
const entryRules: readonly EntryRule[] = [
  { breaks: ({ flags }) => (flags & (flagBits.encrypted | flagBits.strong | flagBits.masked)) !== 0, says: 'is encrypted' },
  ...nameRules.map(({ breaks, says }) => ({ breaks: (entry: ArchiveEntry) => namesOf(entry).some(breaks), says })),
  {
    breaks: (entry) => unixKindOf(entry) === unixKinds.symlink || (entry.attributes & dosBits.reparsePoint) !== 0,
    says: 'is a symbolic link',
  },
  {
    breaks: (entry) => !(Object.values(unixKinds) as number[]).includes(unixKindOf(entry)) || (entry.attributes & dosBits.device) !== 0,
    says: 'is no file but a device or pipe',
  },
  {
    breaks: (entry) => !entry.isFolder && (unixKindOf(entry) === unixKinds.folder || (entry.attributes & dosBits.folder) !== 0),
    says: 'is a folder, and does not have the name of one',
  },
  { breaks: ({ method }) => method !== stored && method !== deflated, says: 'is packed by a method other than stored and deflated' },
  { breaks: ({ neededVersion }) => neededVersion > lastVersion, says: 'needs a version of the format that there is not' },
  { breaks: ({ isFolder, unpackedBytes }) => isFolder && unpackedBytes > 0, says: 'is a folder with contents of its own' },
  {
    breaks: (entry) => new Set(namesOf(entry).map((name) => roleOf(name, name.endsWith('/')))).size > 1,
    says: 'has two names that stand for different things',
  },
]

/** By which unpackers may call it. */
const namesOf = ({ name, unicodeName }: ArchiveEntry): string[] => (unicodeName === null ? [name] : [name, unicodeName])

/**
 * Sorts entries by what they are, after each was held against the rules.
 *
 * @throws ArchiveNotAllowed for the first that breaks one, or when two have the same name to a file system
 */
export function sortEntries(entries: readonly ArchiveEntry[]): SortedEntry[] {
  assertDistinct(entries.map(({ name }) => name))
  assertDistinct(entries.map(({ name, unicodeName }) => unicodeName ?? name))
  return entries.map((entry) => {
    const broken = entryRules.find(({ breaks }) => breaks(entry))
    if (broken) throw new ArchiveNotAllowed(`the entry ${quoted(entry.name)} ${broken.says}`)
    const role = roleOf(entry.name, entry.isFolder)
    if (role !== null) return { ...entry, role }
    throw new ArchiveNotAllowed(
      `the entry ${quoted(entry.name)} is neither a picture nor a caption (.txt, .caption, .json, metadata.jsonl, metadata.csv)`,
    )
  })
}

/** File systems differ in whether capitals and composed letters make another name; so neither may. */
function assertDistinct(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    const folded = foldedName(name)
    if (seen.has(folded)) throw new ArchiveNotAllowed(`two entries have the name ${quoted(name)}`)
    seen.add(folded)
  }
}

function roleOf(name: string, isFolder: boolean): EntryRole | null {
  if (isFolder) return 'folder'
  if (isMacosName(name)) return 'macos'
  const base = name.slice(name.lastIndexOf('/') + 1)
  if (isMetadataName(base)) return 'metadata'
  if (isExtraName(base)) return 'extra'
  const extension = extensionOf(base)
  if (captionExtensions.includes(extension)) return 'caption'
  return mediaTypeOfExtension(extension)?.startsWith('image/') ? 'picture' : null
}
