import { type Refusal, refusal } from '@airlock/domain'

/**
 * The bytes are bad, thrown from wherever in a reader that is found. `inspect` makes it a verdict; it never leaves this package.
 *
 * Only what the bytes themselves are to blame for may throw this: everything else that is thrown counts as the servers' fault and is retried.
 */
export abstract class BadBytes extends Error {
  override name = 'BadBytes'

  /** The same for the client, in a sentence that names the file. */
  abstract asRefusal(filename: string): Refusal
}

/** Not whole, or not what its format allows. The reason stands in the sentence "File 'x' can't be read: {reason}." */
export class Corrupt extends BadBytes {
  override name = 'Corrupt'

  override asRefusal(filename: string): Refusal {
    return refusal('file_corrupt', { filename, reason: this.message })
  }
}

/** Whole, and then it goes on with something else: "File 'x' continues after its end: {reason}." */
export class TrailingData extends BadBytes {
  override name = 'TrailingData'

  override asRefusal(filename: string): Refusal {
    return refusal('trailing_data', { filename, reason: this.message })
  }
}

/** Holds what another program would run, or would read as a file of its own: "{found} in {where}". */
export class Suspicious extends BadBytes {
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

/** An archive that unpacking could do harm with: "File 'x' can't be used as a training set: {reason}." */
export class ArchiveNotAllowed extends BadBytes {
  override name = 'ArchiveNotAllowed'

  override asRefusal(filename: string): Refusal {
    return refusal('archive_not_allowed', { filename, reason: this.message })
  }
}

const maxNameCharacters = 60

/** The name of something in a file, in a sentence: quoted, and cut short where it is long. */
export function quoted(name: string): string {
  const characters = [...name]
  return characters.length > maxNameCharacters ? `'${characters.slice(0, maxNameCharacters - 1).join('')}…'` : `'${name}'`
}
