/** C0, DEL and C1 controls, and the line and paragraph separators that some programs treat as line ends. */
const control = /[\p{Cc}\u2028\u2029]/u

/**
 * Looks for what the gateway would refuse in a filename as well; of a path, in either slash, the last part is the name.
 *
 * @returns `filename: …`, or null
 */
export function filenameFault(filename: string): string | null {
  const name = filename.split(/[/\\]/).at(-1)?.normalize('NFC') ?? ''
  if (/^[.\s]*$/.test(name)) return 'filename: names no file'
  if (control.test(name)) return 'filename: has control characters'
  if (!name.isWellFormed()) return 'filename: is not valid Unicode'
  if ([...name].length > 255) return 'filename: is longer than 255 characters in its composed form (NFC)'
  return null
}
