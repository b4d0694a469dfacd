/** C0, DEL and C1 controls, and the line and paragraph separators, which some programs treat as line ends. */
const control = /[\p{Cc}\u2028\u2029]/u

/**
 * Checks a filename by the gateway's rules; of a path with either kind of slash, the last part is the name.
 *
 * @returns `filename: …`, or null
 */
export function filenameFault(filename: string): string | null {
  const name = filename.split(/[/\\]/).at(-1)?.normalize('NFC') ?? ''
  if (/^[.\s]*$/.test(name)) return 'filename: is not a file name'
  if (control.test(name)) return 'filename: has control characters'
  if (!name.isWellFormed()) return 'filename: is not valid Unicode'
  if ([...name].length > 255) return 'filename: is longer than 255 characters in its composed form (NFC)'
  return null
}
