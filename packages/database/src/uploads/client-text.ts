/**
 * A text of a client or another program in a form that the database accepts: without NUL, which Postgres refuses, and truncated to the column.
 *
 * @param maxCharacters code points, as Postgres counts them
 */
export function storableText(text: string, maxCharacters: number): string {
  const clean = text.toWellFormed().replaceAll('\0', '\u{fffd}')
  return clean.length <= maxCharacters ? clean : [...clean].slice(0, maxCharacters).join('')
}
