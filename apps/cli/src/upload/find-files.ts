import { existsSync, type Stats } from 'node:fs'
import { access, constants, readdir, realpath, stat } from 'node:fs/promises'
import { basename, extname, join, relative, sep } from 'node:path'
import picomatch from 'picomatch'

export interface FoundFile {
  /** As the user wrote it, or below the folder that the user wrote. */
  readonly path: string
  /** Without links and detours. */
  readonly realPath: string
  readonly bytes: number
  readonly modifiedMs: number
}

export interface Found {
  readonly files: readonly FoundFile[]
  /** Files in folders whose extension Airlock does not take. */
  readonly skipped: readonly string[]
  /** What can't be uploaded, and why. */
  readonly problems: readonly Problem[]
}

export interface Problem {
  readonly path: string
  readonly code: 'file_unreadable' | 'no_files' | 'extension_not_allowed'
  readonly detail: string
}

export interface FindOptions {
  /** The extensions, in lower case, that files in folders must have. Files that the user names may have any. */
  readonly extensions: readonly string[]
  readonly limits?: { readonly files: number; readonly depth: number }
}

/** More files or deeper folders are probably not what the user meant, such as the root of a disk. */
const defaultLimits = { files: 10_000, depth: 32 }

/** The search has found too many files. */
export class TooManyFiles extends Error {}

/**
 * Finds the files that the user means: files, folders with everything in them, and patterns that the shell has left (`'*.mp4'`).
 *
 * In folders, hidden files and symbolic links are left out: a link could lead anywhere. What can't be read is reported, and the others are found.
 *
 * @throws TooManyFiles
 */
export async function findFiles(paths: readonly string[], { extensions, limits = defaultLimits }: FindOptions): Promise<Found> {
  const files = new Map<string, FoundFile>()
  const skipped: string[] = []
  const problems: Problem[] = []

  const problem = (code: Problem['code'], path: string, detail: string) => void problems.push({ code, path, detail })
  const add = (path: string, realPath: string, { size, mtimeMs }: Stats) => {
    if (files.size >= limits.files)
      throw new TooManyFiles(
        `There are more than ${limits.files} files in ${paths.map((text) => `'${text}'`).join(', ')}: upload folders below it.`,
      )
    if (!files.has(realPath)) files.set(realPath, { path, realPath, bytes: size, modifiedMs: mtimeMs })
  }

  /** Adds a file if it can be read. */
  async function take(path: string): Promise<void> {
    try {
      const facts = await stat(path)
      if (!facts.isFile()) return problem('file_unreadable', path, `'${path}' is neither a file nor a folder.`)
      await access(path, constants.R_OK)
      add(path, await realpath(path), facts)
    } catch (error) {
      if (error instanceof TooManyFiles) throw error
      problem('file_unreadable', path, `'${path}' ${reasonOf(error)}`)
    }
  }

  /** Takes the files below a folder that match. @returns how many files there are, whether they match or not */
  async function walk(folder: string, depth: number, matches: (path: string) => boolean): Promise<number> {
    let seen = 0
    const entries = await readdir(folder, { withFileTypes: true }).catch((error) =>
      problem('file_unreadable', folder, `'${folder}' ${reasonOf(error)}`),
    )
    for (const entry of (entries ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory() && depth > 1) seen += await walk(path, depth - 1, matches)
      if (!entry.isFile() || !matches(path)) continue
      seen++
      if (hasExtension(path, extensions)) await take(path)
      else skipped.push(path)
    }
    return entries === undefined ? 1 : seen
  }

  async function expand(path: string): Promise<void> {
    const { base, isGlob, glob } = picomatch.scan(path)
    if (!isGlob) return problem('no_files', path, `'${path}' does not exist.`)
    const folder = base === '' ? '.' : base
    if (!existsSync(folder)) return problem('no_files', path, `No file matches '${path}': there is no folder '${folder}'.`)
    const isMatch = picomatch(glob)
    const depth = glob.includes('**') ? limits.depth : glob.split('/').length
    const seen = await walk(folder, depth, (file) => isMatch(relative(folder, file).split(sep).join('/')))
    if (seen === 0) problem('no_files', path, `No file matches '${path}'.`)
  }

  for (const path of paths) {
    const facts = await stat(path).catch(() => null)
    if (facts === null && !(await isDangling(path))) await expand(path)
    else if (facts?.isDirectory()) {
      const before = files.size + skipped.length + problems.length
      await walk(path, limits.depth, () => true)
      if (files.size + skipped.length + problems.length === before) problem('no_files', path, `Folder '${path}' contains no files.`)
    } else await take(path)
  }
  return { files: [...files.values()], skipped, problems }
}

/** Whether there is something with this name that can't be followed: it is not a pattern. */
const isDangling = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    ({ code }) => code !== 'ENOENT' && code !== 'ENOTDIR',
  )

export const extensionOf = (path: string): string => extname(basename(path)).slice(1).toLowerCase()

const hasExtension = (path: string, extensions: readonly string[]): boolean => extensions.includes(extensionOf(path))

/** Why the system refuses a file, as the end of a sentence. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const known: Record<string, string> = {
    ENOENT: 'does not exist.',
    EACCES: "can't be read: permission denied.",
    EPERM: "can't be read: permission denied.",
    ELOOP: "can't be read: its symbolic links lead in a circle.",
    ENAMETOOLONG: "can't be read: its name is too long.",
    EMFILE: "can't be read: too many files are open.",
  }
  return known[code ?? ''] ?? `can't be read: ${message}.`
}
