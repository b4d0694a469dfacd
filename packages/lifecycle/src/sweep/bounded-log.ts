import type { Log } from '../log.ts'

/** Warnings and errors that one rule logs in one sweep. */
const maxLines = 20

/**
 * A log that passes on so many warnings and errors, and counts the others: however many objects fail for the same reason, the log stays
 * readable.
 */
export class BoundedLog implements Log {
  readonly #log: Log
  #lines = 0

  constructor(log: Log) {
    this.#log = log
  }

  info(fields: object, message: string): void {
    this.#log.info(fields, message)
  }

  warn(fields: object, message: string): void {
    if (this.#hasRoom()) this.#log.warn(fields, message)
  }

  error(fields: object, message: string): void {
    if (this.#hasRoom()) this.#log.error(fields, message)
  }

  /** Says how many lines were left out, if any. */
  end(fields: object): void {
    const leftOut = this.#lines - maxLines
    if (leftOut > 0) this.#log.warn({ ...fields, leftOut }, 'further warnings of this rule are left out of this sweep')
  }

  #hasRoom(): boolean {
    this.#lines += 1
    return this.#lines <= maxLines
  }
}
