import type { Environment } from '@airlock/config'

/** A command's environment and output, replaceable in tests. */
export interface CommandIo {
  /** The environment, with missing variables taken from a running `npm start` and from `.env`. */
  readonly env: Environment
  /** Writes a text and a line end to standard output: results. */
  out(text: string): void
  /** Writes a text and a line end to standard error: errors and progress. */
  err(text: string): void
  /** Asks a question on the terminal; absent without one. */
  ask?(question: string): Promise<string>
}

/** One command of `npm run ops`. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** The arguments, then a line for each option; printed by `--help`. */
  readonly usage: string
  /** The arguments of an example, which `--help` prints as a whole command. */
  readonly example: string
  /**
   * @param args the arguments after the command's name
   * @returns the exit code: 0 success, 1 failure, findings, or not confirmed
   * @throws UsageError if the arguments are invalid; the exit code is then 2
   */
  run(args: string[], io: CommandIo): Promise<number>
}

/** How the command line is called: in a checkout, and in the worker's image, which has it as a program. */
export const invocation = import.meta.url.endsWith('.js') ? 'ops' : 'npm run ops --'

/** The arguments are invalid; the message describes valid ones. */
export class UsageError extends Error {
  override name = 'UsageError'
}
