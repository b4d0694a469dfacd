/**
 * The bytes are bad, thrown from wherever in a reader that is found. `inspect` makes it a verdict; it never leaves this package.
 *
 * Only what the bytes themselves are to blame for may throw this: everything else that is thrown counts as the servers' fault and is retried.
 */
export class Corrupt extends Error {
  /** For the client's eyes, in the sentence "File 'x' can't be read: {reason}." */
  readonly reason: string

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'Corrupt'
    this.reason = reason
  }
}
