import { type Refusal, refusal } from '@airlock/domain'

/**
 * The file is invalid. Readers throw it where they find the defect, and `inspect` turns it into a verdict; it never leaves this package.
 *
 * Throw it only for defects of the bytes themselves: every other error counts as a fault of the servers, and the inspection is retried.
 */
export abstract class InvalidFile extends Error {
  override name = 'BadBytes'

  /** The same as a refusal for the client, which names the file. */
  abstract asRefusal(filename: string): Refusal
}

/** Incomplete, or not valid in its format. The message completes the sentence "File 'x' can't be read: {reason}." */
export class Corrupt extends InvalidFile {
  override name = 'Corrupt'

  override asRefusal(filename: string): Refusal {
    return refusal('file_corrupt', { filename, reason: this.message })
  }
}

/** Complete, but followed by other content: "File 'x' continues after its end: {reason}." */
export class TrailingData extends InvalidFile {
  override name = 'TrailingData'

  override asRefusal(filename: string): Refusal {
    return refusal('trailing_data', { filename, reason: this.message })
  }
}

/** Contains data that another program would execute, or read as a separate file: "{found} in {where}". */
export class Suspicious extends InvalidFile {
  override name = 'Suspicious'
  readonly found: string
  readonly where: string

  constructor(found: string, where: string) {
    super(`${found} in ${where}`)
    this.found = found
    this.where = where
  }

  override asRefusal(filename: string): Refusal {
    return refusal('suspicious_content', { filename, found: this.found, where: this.where })
  }
}

/** An archive that would be dangerous to unpack: "File 'x' can't be used as a training set: {reason}." */
export class ArchiveNotAllowed extends InvalidFile {
  override name = 'ArchiveNotAllowed'

  override asRefusal(filename: string): Refusal {
    return refusal('archive_not_allowed', { filename, reason: this.message })
  }
}

/** An archive's central directory and an entry's local header, or its data descriptor, disagree. */
export class HeaderMismatch extends ArchiveNotAllowed {
  constructor(entry: string) {
    super(`its central directory and the header of the entry ${quoted(entry)} disagree`)
  }
}

const maxNameCharacters = 60

/** Quotes a name from a file for use in a sentence, shortened if it is long. */
export function quoted(name: string): string {
  const characters = [...name]
  return characters.length > maxNameCharacters ? `'${characters.slice(0, maxNameCharacters - 1).join('')}…'` : `'${name}'`
}
