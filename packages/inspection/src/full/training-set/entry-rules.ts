import { extensionOf, type MediaType, mediaTypeOfExtension } from '@airlock/domain'
import { ArchiveNotAllowed, quoted } from '../bad-bytes.ts'
import type { ArchiveEntry } from './directory.ts'

/** How an entry is read. `picture` and `caption` are what training sets hold; the rest is passed over. */
export type EntryRole = 'picture' | 'caption' | 'folder' | 'macos'

export interface SortedEntry extends ArchiveEntry {
  readonly role: EntryRole
  /** Of a picture, what its name stands for. */
  readonly mediaType: MediaType | null
}

/** Extensions of captions. */
const captionExtensions: readonly string[] = ['txt', 'json']
/** Extensions of archives, to tell them by name. Any other is refused as well. */
const archiveExtensions: readonly string[] = ['zip', 'rar', '7z', 'tar', 'gz', 'tgz', 'bz2', 'xz', 'zst', 'jar', 'iso', 'cab']

/** What macOS adds to its archives: a twin of each file that holds its resource fork, and the look of each folder. */
const macosName = /(?:^|\/)(?:__MACOSX\/|\._[^/]*$|\.DS_Store$)/

const unixKinds = { unsaid: 0, folder: 0x4000, file: 0x8000, symlink: 0xa000 } as const
const [stored, deflated] = [0, 8] as const
const flagBits = { encrypted: 0x1, strong: 0x40, masked: 0x2000 } as const
const maxNameBytes = 1024
/** The last version of the format (APPNOTE 6.3.10, section 4.4.3.2). Unpackers refuse what says that it needs a later one. */
const lastVersion = 63

/** What no entry may be, in the order in which a client is told. Each is a way in which unpacking does what nobody asked for. */
const rules: readonly { readonly breaks: (entry: ArchiveEntry) => boolean; readonly says: string }[] = [
  { breaks: ({ flags }) => (flags & (flagBits.encrypted | flagBits.strong | flagBits.masked)) !== 0, says: 'is encrypted' },
  { breaks: ({ name }) => name === '' || Buffer.byteLength(name) > maxNameBytes, says: 'has no usable name' },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for
  { breaks: ({ name }) => /[\0-\x1f\x7f]/.test(name), says: 'has control characters in its name' },
  { breaks: ({ name }) => name.includes('\\'), says: 'has a backslash in its name' },
  { breaks: ({ name }) => name.startsWith('/') || /^[A-Za-z]:/.test(name), says: 'has an absolute path' },
  { breaks: ({ name }) => name.split('/').includes('..'), says: "has '..' in its path" },
  {
    breaks: ({ name }) => name.split('/').some((part, i, all) => (part === '' && i < all.length - 1) || part === '.'),
    says: 'has an empty part in its path',
  },
  { breaks: ({ unixKind }) => unixKind === unixKinds.symlink, says: 'is a symbolic link' },
  { breaks: ({ unixKind }) => !(Object.values(unixKinds) as number[]).includes(unixKind), says: 'is no file but a device or pipe' },
  { breaks: ({ method }) => method !== stored && method !== deflated, says: 'is packed by a method other than stored and deflated' },
  { breaks: ({ neededVersion }) => neededVersion > lastVersion, says: 'needs a version of the format that there is not' },
  { breaks: ({ isFolder, unpackedBytes }) => isFolder && unpackedBytes > 0, says: 'is a folder with contents of its own' },
  { breaks: ({ name }) => archiveExtensions.includes(extensionOf(name)) && !macosName.test(name), says: 'is an archive in the archive' },
]

/**
 * Sorts entries by what they are, after each was held against the rules.
 *
 * @throws ArchiveNotAllowed for the first that breaks one, or when two have the same name to a file system
 */
export function sortEntries(entries: readonly ArchiveEntry[]): SortedEntry[] {
  assertDistinct(entries)
  return entries.map((entry) => {
    const broken = rules.find(({ breaks }) => breaks(entry))
    if (broken) throw new ArchiveNotAllowed(`the entry ${quoted(entry.name)} ${broken.says}`)
    return { ...entry, ...roleOf(entry) }
  })
}

/** File systems differ in whether capitals and composed letters make another name (Unicode UAX #15); so neither may. */
function assertDistinct(entries: readonly ArchiveEntry[]): void {
  const seen = new Set<string>()
  for (const { name } of entries) {
    const folded = name.replace(/\/$/, '').normalize('NFC').toLowerCase().normalize('NFC')
    if (seen.has(folded)) throw new ArchiveNotAllowed(`two entries have the name ${quoted(name)}`)
    seen.add(folded)
  }
}

function roleOf({ name, isFolder }: ArchiveEntry): Pick<SortedEntry, 'role' | 'mediaType'> {
  if (isFolder) return { role: 'folder', mediaType: null }
  if (macosName.test(name)) return { role: 'macos', mediaType: null }
  const extension = extensionOf(name.slice(name.lastIndexOf('/') + 1))
  if (captionExtensions.includes(extension)) return { role: 'caption', mediaType: null }
  const mediaType = mediaTypeOfExtension(extension)
  if (mediaType?.startsWith('image/')) return { role: 'picture', mediaType }
  throw new ArchiveNotAllowed(`the entry ${quoted(name)} is neither a picture nor a caption (.txt, .json)`)
}
