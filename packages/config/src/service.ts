import { constants } from 'node:os'
import { resolvesWithin } from '@airlock/async'
import closeWithGrace from 'close-with-grace'
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

/** One step of a shutdown, with its time limit. */
export interface ShutdownPhase {
  readonly name: string
  readonly limitMs: number
  /** Resolves when the next phase may begin. */
  run(): Promise<unknown>
  /** Aborts what still runs when the limit has passed; the next phase begins directly after it. */
  abort?(): void
}

/** The part of a pino logger that a shutdown needs. */
export interface ShutdownLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
}

export interface ShutdownOptions {
  /** The name of the service in log messages: `gateway`. */
  readonly service: string
  readonly phases: readonly ShutdownPhase[]
  readonly log: ShutdownLog
}

/** How far the phases together may exceed their limits before the process exits anyway, in ms. */
const slackMs = 2000

/** The conventional exit code of a process ended by a signal: 143 for SIGTERM, 130 for SIGINT. */
const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/**
 * Makes a signal or an uncaught error shut this process down in order: one phase after another, then exit.
 *
 * The exit code is 0 after a signal, even when a phase was aborted: what was accepted is safe, and the log names the phase. It is 1 after an
 * error, and when the phases could not be completed. A second signal, the same or another, ends the process at once with 128 plus the number
 * of the signal.
 */
export function shutDownAtSignal({ service, phases, log }: ShutdownOptions): void {
  const delay = phases.reduce((ms, { limitMs }) => ms + limitMs, slackMs)
  const onSecondSignal = (signal: NodeJS.Signals) => {
    log.warn({ signal }, `second signal, ${service} exits at once`)
    process.exit(exitCodeOf(signal))
  }
  const onSecondError = (err: unknown) => log.fatal({ err }, `${service} failed during shutdown, exits at once`)
  const onTimeout = (delayMs: number) => log.fatal({ delayMs }, `${service} shutdown timed out, process killed`)
  closeWithGrace({ delay, logger: false, onSecondSignal, onSecondError, onTimeout }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, `${service} failed`)
    log.info({ signal }, `${service} stopping`)
    await runPhases(phases, log)
    log.info({}, `${service} stopped`)
  })
}

/** Runs the phases one after the other. A phase that fails or takes too long does not prevent the next one. */
export async function runPhases(phases: readonly ShutdownPhase[], log: Omit<ShutdownLog, 'fatal'>): Promise<void> {
  for (const phase of phases) await runPhase(phase, log)
}

async function runPhase({ name, limitMs, run, abort }: ShutdownPhase, log: Omit<ShutdownLog, 'fatal'>): Promise<void> {
  const started = performance.now()
  const ms = () => Math.round(performance.now() - started)
  try {
    const running = run()
    if (await resolvesWithin(running, { ms: limitMs })) return log.info({ phase: name, ms: ms() }, 'shutdown phase done')
    log.warn({ phase: name, ms: ms(), limitMs }, 'shutdown phase took too long, the next one begins')
    running.catch((err: unknown) => log.warn({ phase: name, err }, 'remaining work of a shutdown phase failed'))
    abort?.()
  } catch (err) {
    log.error({ phase: name, ms: ms(), err }, 'shutdown phase failed, the next one begins')
  }
}
