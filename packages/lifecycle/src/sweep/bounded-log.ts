import type { Log } from '../log.ts'

/** The maximum of warnings and errors that one rule logs in one sweep. */
const maxLines = 20

/**
 * A log that forwards a limited number of warnings and errors and counts the rest, so that the log stays readable when many objects fail for
 * the same reason.
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

  /** Logs how many lines were omitted, if any. */
  end(fields: object): void {
    const leftOut = this.#lines - maxLines
    if (leftOut > 0) this.#log.warn({ ...fields, leftOut }, 'further warnings of this rule in this sweep omitted')
  }

  #hasRoom(): boolean {
    this.#lines += 1
    return this.#lines <= maxLines
  }
}
