import { KiB } from '@airlock/domain'
import { decodedText } from './text.ts'

/** What is passed over has some lines. */
export const maxExtraBytes = 64 * KiB

/**
 * In one line, a path that leads out of the archive: to a parent or home folder, absolute with at least two parts, on a drive or another machine, or
 * by a URL or a variable. Without the flag `m`, so that leading white space is tried once.
 */
const outsidePath = /(?:^|[\\/\s=!])\.\.(?:[\\/]|\s|$)|(?:^|[\s=!])~|^\s*!?\/[^/\s]+\/\S|\\\\|\b[a-z]:[\\/]|:\/\/|%\w+%|file:/i
const lineBreaks = /[\n\r\u2028\u2029]+/

const isEmpty = (bytes: Buffer): string | null => (bytes.length === 0 ? null : 'it is not empty')

/** Patterns of Git, in which a folder's name is no path to somewhere. Comments may hold addresses. */
function isPatterns(bytes: Buffer): string | null {
  const text = decodedText(bytes)
  if (text === null) return 'it is no text in UTF-8'
  const patterns = text.split(lineBreaks).filter((line) => !line.trimStart().startsWith('#'))
  return patterns.some((line) => outsidePath.test(line)) ? 'it names a path outside of the archive' : null
}

/** How Windows shows a folder. An icon or a name from elsewhere makes it open another file, or call another machine with the user's password. */
function isFolderSettings(bytes: Buffer): string | null {
  const isWide = bytes.length >= 2 && bytes.readUInt16LE(0) === 0xfeff
  const text = decodedText(bytes, isWide ? 'utf-16le' : 'utf-8')
  if (text === null) return 'it is no text'
  return /[\\/%]/.test(text) ? 'it names a path' : null
}

/** Files that programs leave in folders and no training reads, by their names: passed over when they are harmless. No other is. */
const extras: Readonly<Record<string, (bytes: Buffer) => string | null>> = {
  '.gitkeep': isEmpty,
  '.gitignore': isPatterns,
  '.gitattributes': isPatterns,
  'desktop.ini': isFolderSettings,
}

export const isExtraName = (base: string): boolean => Object.hasOwn(extras, base.toLowerCase())

/**
 * What is wrong with a file that is passed over, or null.
 *
 * @param base a name for which `isExtraName` is true, without its folders
 */
export const faultOfExtra = (base: string, bytes: Buffer): string | null => extras[base.toLowerCase()]?.(bytes) ?? null
