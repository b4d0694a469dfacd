/** The maximum length of a text of provenance. */
const maxCharacters = 200

/** What breaks a line or a terminal, is invisible, or changes the direction of the text after it (Unicode categories Cc and Cf). */
const unprintable = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/** A text from a hostile file for display: on one line, visible, at most 200 characters; null if nothing is left, or it is not a text. */
export function plainText(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const text = value
    .slice(0, 5 * maxCharacters)
    .toWellFormed()
    .replace(unprintable, ' ')
    .trim()
  return text === '' ? null : text.slice(0, maxCharacters).toWellFormed()
}
