import { extensionOf, KiB } from '@airlock/domain'

export const maxCaptionBytes = 64 * KiB

/** Extensions of captions; kohya's and other tools use `.caption`. */
export const captionExtensions: readonly string[] = ['txt', 'caption', 'json']

/**
 * Checks that a caption is UTF-8 text, and valid JSON if it is named .json.
 *
 * @param bytes at most `maxCaptionBytes`
 * @returns what is wrong with it, or null
 */
export function captionFault(name: string, bytes: Buffer): string | null {
  const text = decodedText(bytes)
  if (text === null) return 'it is not UTF-8 text'
  return extensionOf(name) === 'json' && !isJson(text) ? 'it is not valid JSON' : null
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** Control characters that do not occur in text. */
const binary = /[^\P{Cc}\t\n\f\r]/u

/** Decodes text, without a byte order mark at its beginning. @returns null if the bytes are not text in this encoding */
export function decodedText(bytes: Buffer, encoding: 'utf-8' | 'utf-16le' = 'utf-8'): string | null {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    return binary.test(text) ? null : text
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
