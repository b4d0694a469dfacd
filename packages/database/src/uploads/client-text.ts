/**
 * What a client or another program wrote, in a form that the database takes: Postgres refuses NUL in text, and columns have an end.
 *
 * @param maxCharacters code points, as Postgres counts them
 */
export function storableText(text: string, maxCharacters: number): string {
  const clean = text.toWellFormed().replaceAll('\0', '\u{fffd}')
  return clean.length <= maxCharacters ? clean : [...clean].slice(0, maxCharacters).join('')
}
