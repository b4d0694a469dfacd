/**
 * A `Content-Disposition` that names a file in any script (RFC 6266, section 4.3; RFC 8187 for `filename*`).
 * Programs that don't know `filename*` take the ASCII name.
 */
export function contentDisposition(disposition: 'inline' | 'attachment', filename: string | undefined): string {
  if (filename === undefined) return disposition
  const ascii = filename.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_')
  return `${disposition}; filename="${ascii}"; filename*=UTF-8''${extValue(filename)}`
}

/** `encodeURIComponent` leaves `'()*!` as they are, of which RFC 8187 lets only `!` stand. */
const extValue = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
