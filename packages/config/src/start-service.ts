import { errorText } from './logged-errors.ts'
import { ConfigError } from './read-config.ts'

/**
 * Starts a service. If the start fails, or an error is not caught meanwhile, the process exits with code 1 and a text on standard error:
 * the invalid settings, or the error without the context that drivers attach to it, which Node's own report would include.
 *
 * @param start resolves when the service runs and handles errors itself from then on (`shutDownAtSignal`)
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
