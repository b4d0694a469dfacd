import { AirlockError } from './airlock-error.ts'

/** Characters, as people count them, that a name may have. Most file systems end there too. */
export const maxFilenameCharacters = 255

const maxSafeNameCharacters = 100
const maxSafeExtensionCharacters = 16

/**
 * The name of an uploaded file, as its owner will see it again.
 *
 * Of a path, in either slash, the last part counts (RFC 7578, section 4.2). The name is put into Unicode's composed form (NFC),
 * so that a name typed on one system equals the same name typed on another.
 *
 * @throws AirlockError `filename_invalid` when nothing usable is left, or it holds control characters or lone surrogates;
 *   `filename_too_long` beyond 255 code points
 */
export function parseFilename(raw: string | undefined): string {
  const name = (raw ?? '').split(/[/\\]/).at(-1)?.normalize('NFC') ?? ''
  if (name.trim() === '') throw new AirlockError('filename_invalid', { filename: '', reason: 'it is empty' })
  if (hasControlCharacters(name)) throw new AirlockError('filename_invalid', { filename: name, reason: 'it holds control characters' })
  if (!name.isWellFormed()) throw new AirlockError('filename_invalid', { filename: name, reason: 'it is not valid Unicode' })
  if (/^[.\s]+$/.test(name)) throw new AirlockError('filename_invalid', { filename: name, reason: 'it has only dots' })
  if ([...name].length > maxFilenameCharacters)
    throw new AirlockError('filename_too_long', { filename: name, limit: maxFilenameCharacters })
  return name
}

/** C0, DEL and C1 controls, and the line and paragraph separators that some programs treat as line ends. */
function hasControlCharacters(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029) return true
  }
  return false
}

/** The part behind the last dot, in lower case; empty when there is none, or only a leading dot. */
export function extensionOf(filename: string): string {
  const dot = filename.lastIndexOf('.')
  return dot <= 0 ? '' : filename.slice(dot + 1).toLowerCase()
}

/**
 * A name in the letters that any object store, log and URL takes unescaped: ASCII letters, digits, `.`, `_`, `-`; at most 100 of them,
 * the extension kept in lower case. Nothing left → `file`.
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
