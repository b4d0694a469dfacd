import { AirlockError } from './airlock-error.ts'

/** The maximum length of a name, in code points. Most file systems have the same limit. */
const maxFilenameCharacters = 255

const maxSafeNameCharacters = 100
const maxSafeExtensionCharacters = 16

/**
 * The name of an uploaded file, as its owner will see it.
 *
 * Of a path with either kind of slash, only the last part is used (RFC 7578, section 4.2). The name is converted to Unicode's composed form (NFC),
 * so that a name typed on one system equals the same name typed on another.
 *
 * @throws AirlockError `filename_invalid` when no usable name is left, or it has control characters or lone surrogates;
 *   `filename_too_long` above 255 code points
 */
export function parseFilename(raw: string | undefined): string {
  const name = (raw ?? '').split(/[/\\]/).at(-1)?.normalize('NFC') ?? ''
  if (name.trim() === '') throw new AirlockError('filename_invalid', { filename: '', reason: 'it is empty' })
  if (hasControlCharacters(name)) throw new AirlockError('filename_invalid', { filename: name, reason: 'it has control characters' })
  if (!name.isWellFormed()) throw new AirlockError('filename_invalid', { filename: name, reason: 'it is not valid Unicode' })
  if (/^[.\s]+$/.test(name)) throw new AirlockError('filename_invalid', { filename: name, reason: 'it has only dots' })
  if ([...name].length > maxFilenameCharacters)
    throw new AirlockError('filename_too_long', { filename: name, limit: maxFilenameCharacters })
  return name
}

/** C0, DEL and C1 controls, and the line and paragraph separators, which some programs treat as line ends. */
function hasControlCharacters(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029) return true
  }
  return false
}

/** The part after the last dot, in lower case; empty when there is no dot, or only a leading one. */
export function extensionOf(filename: string): string {
  const dot = filename.lastIndexOf('.')
  return dot <= 0 ? '' : filename.slice(dot + 1).toLowerCase()
}

/**
 * A name in characters that no object store, log or URL escapes: ASCII letters, digits, `.`, `_`, `-`. It has at most 100 characters
 * and keeps the extension, in lower case. If no character of the stem is left, it becomes `file`.
 *
 * @param filename a name from `parseFilename`
 */
export function safeName(filename: string): string {
  const extension = onlySafe(extensionOf(filename), maxSafeExtensionCharacters)
  const stem = extension === '' ? filename : filename.slice(0, filename.lastIndexOf('.'))
  const safeStem = onlySafe(stem.normalize('NFKD').replace(/\p{Mark}/gu, ''), maxSafeNameCharacters - extension.length - 1)
  const named = safeStem === '' ? 'file' : safeStem
  return extension === '' ? named : `${named}.${extension}`
}

const onlySafe = (text: string, maxCharacters: number): string =>
  text
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/\.{2,}/g, '.')
    .replace(/^[._-]+/, '')
    .slice(0, maxCharacters)
    .replace(/[._-]+$/, '')
