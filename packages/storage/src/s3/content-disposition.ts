/**
 * A `Content-Disposition` that names a file in any script (RFC 6266, section 4.3; RFC 8187 for `filename*`).
 * Programs that don't support `filename*` use the ASCII name.
 */
export function contentDisposition(disposition: 'inline' | 'attachment', filename: string | undefined): string {
  if (filename === undefined) return disposition
  const ascii = filename.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_')
  return `${disposition}; filename="${ascii}"; filename*=UTF-8''${extValue(filename)}`
}

/** `encodeURIComponent` does not encode `'()*!`, of which RFC 8187 allows only `!`. */
const extValue = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
