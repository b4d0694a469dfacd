import type { Terminal } from './terminal.ts'

/** What every command gets. */
export interface Context {
  readonly terminal: Terminal
  /** Resolves with Ctrl-C or SIGTERM: the command ends in order, within a moment. */
  readonly stop: Promise<void>
}
