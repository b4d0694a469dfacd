import { extensionOf, mediaTypeOfExtension } from '@airlock/domain'
import { ArchiveNotAllowed, quoted } from '../invalid-file.ts'
import { type ArchiveEntry, flagBits } from './directory.ts'
import { foldedName, rootFolder } from './entry-names.ts'
import { isIgnoredName } from './ignored-files.ts'
import { isMacosName } from './macos-files.ts'
import { isMetadataName } from './metadata.ts'
import { captionExtensions } from './text-files.ts'

/** How an entry is used. Training sets consist of pictures, captions and metadata; the other roles are ignored. */
export type EntryRole = 'picture' | 'caption' | 'metadata' | 'folder' | 'macos' | 'ignored'

export interface SortedEntry extends ArchiveEntry {
  readonly role: EntryRole
}

/** Extensions of archives, for a clearer message. Every other unknown extension is refused too. */
const archiveExtensions: readonly string[] = ['zip', 'rar', '7z', 'tar', 'gz', 'tgz', 'bz2', 'xz', 'zst', 'jar', 'iso', 'cab']

const [fileTypeMask, unixFileTypes] = [0xf000, { unspecified: 0, folder: 0x4000, file: 0x8000, symlink: 0xa000 }] as const
/** File attributes of DOS and Windows; a reparse point is a link. */
const dosBits = { folder: 0x10, device: 0x40, reparsePoint: 0x400 } as const
const [stored, deflated] = [0, 8] as const
const maxNameBytes = 1024
/** The latest version of the format (APPNOTE 6.3.10, section 4.4.3.2). Unpackers refuse entries that require a later one. */
const lastVersion = 63

/** Regardless of the system that created the entry: some unpackers use these bits without checking it. */
const unixFileTypeOf = ({ attributes }: ArchiveEntry): number => (attributes >>> 16) & fileTypeMask

interface NameRule {
  readonly isViolatedBy: (name: string) => boolean
  readonly problem: string
}

/** Rules for names. The first violated rule is reported. */
const nameRules: readonly NameRule[] = [
  { isViolatedBy: (name) => name === '' || Buffer.byteLength(name) > maxNameBytes, problem: 'has a name that is empty or too long' },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the rule searches for them
  { isViolatedBy: (name) => /[\0-\x1f\x7f]/.test(name), problem: 'has control characters in its name' },
  { isViolatedBy: (name) => name.includes('\\'), problem: 'has a backslash in its name' },
  { isViolatedBy: (name) => name.startsWith('/') || /^[A-Za-z]:/.test(name), problem: 'has an absolute path' },
  { isViolatedBy: (name) => name.split('/').includes('..'), problem: "has '..' in its path" },
  {
    isViolatedBy: (name) =>
      name !== rootFolder && name.split('/').some((part, i, all) => (part === '' && i < all.length - 1) || part === '.'),
    problem: 'has an empty part in its path',
  },
  { isViolatedBy: (name) => name.split('/').some(isGitFolder), problem: "is in the folder '.git' of a repository; exclude that folder" },
  {
    isViolatedBy: (name) => /(?:^|\/)(?:eh)?thumbs(?:_\w+)?\.db$/i.test(name),
    problem: "contains previews that Windows stores beside pictures; remove it, for example with zip -d set.zip '*humbs*.db'",
  },
  { isViolatedBy: (name) => archiveExtensions.includes(extensionOf(name)) && !isMacosName(name), problem: 'is a nested archive' },
]

/** Windows and macOS treat variants as the same name: upper case, trailing dots and blanks, the short name, invisible characters. */
const isGitFolder = (part: string): boolean =>
  /^(?:\.git|git~\d+)$/i.test(part.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '').replace(/[. ]+$/, ''))

interface EntryRule {
  readonly isViolatedBy: (entry: ArchiveEntry) => boolean
  readonly problem: string
}

/** Rules for entries. Each violation would make an unpacker do something unexpected. */
const entryRules: readonly EntryRule[] = [
  {
    isViolatedBy: ({ flags }) => (flags & (flagBits.encrypted | flagBits.strongEncryption | flagBits.maskedHeaders)) !== 0,
    problem: 'is encrypted',
  },
  ...nameRules.map(({ isViolatedBy, problem }) => ({ isViolatedBy: (entry: ArchiveEntry) => namesOf(entry).some(isViolatedBy), problem })),
  {
    isViolatedBy: (entry) => unixFileTypeOf(entry) === unixFileTypes.symlink || (entry.attributes & dosBits.reparsePoint) !== 0,
    problem: 'is a symbolic link',
  },
  {
    isViolatedBy: (entry) =>
      !(Object.values(unixFileTypes) as number[]).includes(unixFileTypeOf(entry)) || (entry.attributes & dosBits.device) !== 0,
    problem: 'is a device or a pipe',
  },
  {
    isViolatedBy: (entry) =>
      !entry.isFolder && (unixFileTypeOf(entry) === unixFileTypes.folder || (entry.attributes & dosBits.folder) !== 0),
    problem: "is a folder, but its name does not end with '/'",
  },
  {
    isViolatedBy: ({ method }) => method !== stored && method !== deflated,
    problem: 'uses a compression method other than stored and deflated',
  },
  { isViolatedBy: ({ neededVersion }) => neededVersion > lastVersion, problem: 'requires an unknown version of the ZIP format' },
  { isViolatedBy: ({ isFolder, unpackedBytes }) => isFolder && unpackedBytes > 0, problem: 'is a folder with content' },
  {
    isViolatedBy: (entry) => new Set(namesOf(entry).map((name) => roleOf(name, name.endsWith('/')))).size > 1,
    problem: 'has two names that imply different kinds of file',
  },
]

/** The names that unpackers may use. */
const namesOf = ({ name, unicodeName }: ArchiveEntry): string[] => (unicodeName === null ? [name] : [name, unicodeName])

/**
 * Checks all entries against the rules, and assigns each its role.
 *
 * @throws ArchiveNotAllowed for the first violation, or if two entries have the same name on some file system
 */
export function sortEntries(entries: readonly ArchiveEntry[]): SortedEntry[] {
  assertDistinct(entries.map(({ name }) => name))
  assertDistinct(entries.map(({ name, unicodeName }) => unicodeName ?? name))
  return entries.map((entry) => {
    const violated = entryRules.find(({ isViolatedBy }) => isViolatedBy(entry))
    if (violated) throw new ArchiveNotAllowed(`the entry ${quoted(entry.name)} ${violated.problem}`)
    const role = roleOf(entry.name, entry.isFolder)
    if (role !== null) return { ...entry, role }
    throw new ArchiveNotAllowed(
      `the entry ${quoted(entry.name)} is neither a picture nor a caption (.txt, .caption, .json, metadata.jsonl, metadata.csv)`,
    )
  })
}

/** File systems differ in whether case and composition distinguish names; so neither may here. */
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
  if (isIgnoredName(base)) return 'ignored'
  const extension = extensionOf(base)
  if (captionExtensions.includes(extension)) return 'caption'
  return mediaTypeOfExtension(extension)?.startsWith('image/') ? 'picture' : null
}
