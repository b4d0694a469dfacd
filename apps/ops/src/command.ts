import type { Environment } from '@airlock/config'

/** What a command may touch of the world, so that a test can hand it another one. */
export interface CommandIo {
  /** The environment, filled up from a running `npm start` and from `.env` where it says nothing. */
  readonly env: Environment
  /** Writes a text and a line end to standard output: results, for people and pipes. */
  out(text: string): void
  /** Writes a text and a line end to standard error: what went wrong, and progress. */
  err(text: string): void
}

/** One command of `npm run ops`. */
export interface Command {
  readonly name: string
  /** One line for the list of all commands. */
  readonly summary: string
  /** What follows the name, then a line for each option; `--help` prints it. */
  readonly usage: string
  /**
   * @param args what stands behind the command's name
   * @returns the exit code: 0 done, 1 not done or something is not as it should be
   * @throws UsageError when the arguments make no sense; it becomes exit code 2
   */
  run(args: string[], io: CommandIo): Promise<number>
}

/** The arguments make no sense; the message says what would. */
export class UsageError extends Error {
  override name = 'UsageError'
}
