/** Control characters that a text has no use for. */
const binary = /[^\P{Cc}\t\n\f\r]/u

/** A text in UTF-8, or null when the bytes are none. A byte order mark at the beginning, as Windows' editors write it, is no part of it. */
export function decodedText(bytes: Buffer, encoding: 'utf-8' | 'utf-16le' = 'utf-8'): string | null {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    return binary.test(text) ? null : text
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}
