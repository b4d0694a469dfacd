import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { createLogUpdate } from 'log-update'
import { wrap } from './text.ts'

/** Where the program writes: results to standard output, everything else to standard error. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Numbers of the escape sequences that begin and end each. */
const colours = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

/** The narrowest width for which lines are laid out. */
const narrowest = 40

/**
 * A terminal, or what stands in its place. Lines that change are drawn only on a terminal, below everything that has been written; on the others, and in files
 * and pipes, there are complete lines and no escape sequences.
 */
export class Terminal {
  readonly env: Streams['env']
  readonly #streams: Streams
  readonly #live: ReturnType<typeof createLogUpdate> | null
  #drawn = false

  constructor(streams: Streams) {
    this.#streams = streams
    this.env = streams.env
    this.#live = this.isLive ? createLogUpdate(streams.stderr) : null
  }

  /** Whether lines can be drawn anew. */
  get isLive(): boolean {
    return this.#streams.stderr.isTTY === true && this.env.TERM !== 'dumb'
  }

  /** Whether a person can answer a question. */
  get canAsk(): boolean {
    return this.#streams.stdin.isTTY === true && this.#streams.stderr.isTTY === true
  }

  get stdin(): NodeJS.ReadStream {
    return this.#streams.stdin
  }

  get columns(): number {
    return Math.max(narrowest, this.#streams.stderr.columns || 80)
  }

  get rows(): number {
    return this.#streams.stderr.rows || 24
  }

  /** Whether the results are read by a person. */
  get hasReader(): boolean {
    return this.#streams.stdout.isTTY === true
  }

  /** Writes a line to standard output. */
  out(line: string): void {
    this.#write(this.#streams.stdout, line)
  }

  /** Writes a line to standard error. On a terminal it is broken between words; a text of several lines is written as it is. */
  err(text: string): void {
    const isLine = this.#streams.stderr.isTTY === true && !text.includes('\n')
    this.#write(this.#streams.stderr, isLine ? wrap(text, this.columns).join('\n') : text)
  }

  #write(stream: NodeJS.WriteStream, line: string): void {
    if (this.#drawn) this.#live?.clear()
    this.#drawn = false
    stream.write(`${line}\n`)
  }

  /** Replaces the lines that change. They must fit the width. */
  draw(lines: readonly string[]): void {
    if (this.#live === null) return
    this.#live(lines.join('\n'))
    this.#drawn = true
  }

  /** Removes the lines that change, and shows the cursor again. */
  endDrawing(): void {
    if (this.#drawn) this.#live?.clear()
    this.#drawn = false
    this.#live?.done()
  }

  /** A coloured text for standard error, or for `stdout`. */
  paint(colour: keyof typeof colours, text: string, to: 'stdout' | 'stderr' = 'stderr'): string {
    const { NO_COLOR, TERM } = this.env
    const isColoured = this.#streams[to].isTTY === true && !NO_COLOR && TERM !== 'dumb'
    const [begin, end] = colours[colour]
    return isColoured ? `\u001b[${begin}m${text}\u001b[${end}m` : text
  }

  async ask(question: string): Promise<string> {
    const { stdin, stderr } = this.#streams
    const dialogue = createInterface({ input: stdin, output: stderr })
    try {
      return await dialogue.question(question)
    } finally {
      dialogue.close()
    }
  }

  /** Asks without showing what is typed. */
  async askSecret(question: string): Promise<string> {
    const { stdin, stderr } = this.#streams
    stderr.write(question)
    const dialogue = createInterface({ input: stdin, output: new Writable({ write: (_, __, done) => done() }), terminal: true })
    const stopped = new AbortController()
    dialogue.once('SIGINT', () => {
      stopped.abort()
      process.kill(process.pid, 'SIGINT') // the terminal is in raw mode, in which Ctrl-C sends no signal
    })
    try {
      return await dialogue.question('', { signal: stopped.signal })
    } finally {
      dialogue.close()
      stderr.write('\n')
    }
  }
}
