import { KiB } from '@airlock/domain'
import { decodedText } from './text-files.ts'

export const maxIgnoredBytes = 64 * KiB

/**
 * In one line, a path that leads out of the archive: to a parent or home folder, absolute with at least two parts, on a drive or another machine, or
 * by a URL or a variable. Without the flag `m`, so that leading white space is tried once.
 */
const outsidePath = /(?:^|[\\/\s=!])\.\.(?:[\\/]|\s|$)|(?:^|[\s=!])~|^\s*!?\/[^/\s]+\/\S|\\\\|\b[a-z]:[\\/]|:\/\/|%\w+%|file:/i
const lineBreaks = /[\n\r\u2028\u2029]+/

const emptyFileFault = (bytes: Buffer): string | null => (bytes.length === 0 ? null : 'it is not empty')

/** Patterns of Git: `/name` is relative to the repository, and comments may contain addresses. */
function gitPatternsFault(bytes: Buffer): string | null {
  const text = decodedText(bytes)
  if (text === null) return 'it is not UTF-8 text'
  const patterns = text.split(lineBreaks).filter((line) => !line.trimStart().startsWith('#'))
  return patterns.some((line) => outsidePath.test(line)) ? 'it contains a path that points outside of the archive' : null
}

/** Settings of a folder in Windows. The path of an icon makes Windows open another file, or send the user's password hash to another machine. */
function folderSettingsFault(bytes: Buffer): string | null {
  const isUtf16 = bytes.length >= 2 && bytes.readUInt16LE(0) === 0xfeff
  const text = decodedText(bytes, isUtf16 ? 'utf-16le' : 'utf-8')
  if (text === null) return 'it is not text'
  return /[\\/%]/.test(text) ? 'it contains a path' : null
}

/** Files that programs leave in folders and training does not read, by name: ignored if they are harmless. */
const ignoredFiles: Readonly<Record<string, (bytes: Buffer) => string | null>> = {
  '.gitkeep': emptyFileFault,
  '.gitignore': gitPatternsFault,
  '.gitattributes': gitPatternsFault,
  'desktop.ini': folderSettingsFault,
}

export const isIgnoredName = (base: string): boolean => Object.hasOwn(ignoredFiles, base.toLowerCase())

/**
 * Checks that a file that would be ignored is harmless.
 *
 * @param base a name for which `isIgnoredName` is true, without folders
 * @returns what is wrong with it, or null
 */
export const ignoredFileFault = (base: string, bytes: Buffer): string | null => ignoredFiles[base.toLowerCase()]?.(bytes) ?? null
