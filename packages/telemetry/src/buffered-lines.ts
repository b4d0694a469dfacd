/** Where lines go: a file descriptor that is written synchronously. */
export interface LineOutput {
  write(lines: string): unknown
}

export interface BufferedLinesOptions {
  /** How long a line waits for others, in ms. */
  maxMs?: number
  /** How many characters wait at most. */
  maxLength?: number
}

/** Makes pino set `lastLevel` before each call of `write`. */
const needsLevel = Symbol.for('pino.metadata')

/** pino's level `warn`; lines of this level and above do not wait. */
const urgentLevel = 40

/**
 * A destination for pino that writes several lines at once. Each write to a pipe wakes the process that reads it, and an upload has three lines.
 *
 * Warnings and errors are written at once, together with the lines before them, and the rest at the latest when the process exits, whatever ends
 * it from within. Only a process that is killed, or aborted by native code, loses lines: those of its last 50 ms, none of them a warning.
 *
 * @param output is synchronous, so that lines can be written while the process exits
 * @example pino({ level: 'info' }, new BufferedLines(pino.destination({ dest: 1, sync: true })))
 */
export class BufferedLines {
  readonly [needsLevel] = true
  lastLevel = 0
  readonly #output: LineOutput
  readonly #maxMs: number
  readonly #maxLength: number
  #lines = ''
  #timer: NodeJS.Timeout | undefined

  constructor(output: LineOutput, { maxMs = 50, maxLength = 16_384 }: BufferedLinesOptions = {}) {
    this.#output = output
    this.#maxMs = maxMs
    this.#maxLength = maxLength
    process.once('exit', () => this.flushSync())
  }

  write(line: string): void {
    this.#lines += line
    if (this.lastLevel >= urgentLevel || this.#lines.length >= this.#maxLength) this.flushSync()
    else this.#timer ??= setTimeout(() => this.flushSync(), this.#maxMs).unref()
  }

  /** Writes all waiting lines. pino calls it for fatal errors. */
  flushSync(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    this.#output.write(lines)
  }
}
