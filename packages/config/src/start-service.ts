import { errorText } from './logged-errors.ts'
import { ConfigError } from './read-config.ts'

/**
 * Runs the start of a service. A start that fails, or an error that nobody catches meanwhile, ends the process with exit code 1 and a text on standard
 * error: the settings that need a look, else the error without what drivers attach to it. Node's own report would show all of that.
 *
 * @param start resolves when the service runs, and looks after errors from then on itself (`shutDownAtSignal`)
 */
export async function startService(start: () => Promise<void>): Promise<void> {
  process.on('uncaughtException', exitWith)
  try {
    await start()
  } catch (error) {
    exitWith(error)
  } finally {
    process.off('uncaughtException', exitWith)
  }
}

function exitWith(error: unknown): never {
  process.stderr.write(`${error instanceof ConfigError ? error.message : errorText(error)}\n`)
  process.exit(1)
}
