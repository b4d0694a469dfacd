import { constants } from 'node:os'
import closeWithGrace from 'close-with-grace'

/** One step of a shutdown, with the time that it may take. */
export interface ShutdownPhase {
  readonly name: string
  readonly limitMs: number
  /** Resolves when the next phase may begin. */
  run(): Promise<unknown>
  /** Ends what is not done when the limit is over; the next phase begins right behind it. */
  cut?(): void
}

/** The part of a pino logger that a shutdown needs. */
export interface ShutdownLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
}

export interface ShutdownOptions {
  /** The service, as the log calls it: `gateway`. */
  readonly service: string
  readonly phases: readonly ShutdownPhase[]
  readonly log: ShutdownLog
}

/** What the phases together may take beyond their limits before the process ends all the same, in ms. */
const slackMs = 2000

/** The exit code by which a shell knows what ended a process: 143 for SIGTERM, 130 for SIGINT. */
const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/**
 * From now on a signal, or an error that nobody caught, ends this process in order: phase after phase, then exit.
 *
 * The exit code is 0 behind a signal, also when a phase was cut: what was accepted is safe, and the log says what was cut. It is 1 behind an
 * error, and when the phases could not be gone through. A second signal, be it the same or another, ends the process at once, with 128 and
 * the number of the signal.
 */
export function shutDownAtSignal({ service, phases, log }: ShutdownOptions): void {
  const delay = phases.reduce((ms, { limitMs }) => ms + limitMs, slackMs)
  const onSecondSignal = (signal: NodeJS.Signals) => {
    log.warn({ signal }, `second signal, ${service} ends at once`)
    process.exit(exitCodeOf(signal))
  }
  const onSecondError = (err: unknown) => log.fatal({ err }, `${service} fails while it stops, and ends at once`)
  const onTimeout = (delayMs: number) => log.fatal({ delayMs }, `${service} does not come to an end, and is ended`)
  closeWithGrace({ delay, logger: false, onSecondSignal, onSecondError, onTimeout }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, `${service} fails`)
    log.info({ signal }, `${service} stops`)
    await goThrough(phases, log)
    log.info({}, `${service} stopped`)
  })
}

/** Runs the phases one after the other. None keeps the next from its turn: neither by its time nor by its failure. */
export async function goThrough(phases: readonly ShutdownPhase[], log: Omit<ShutdownLog, 'fatal'>): Promise<void> {
  for (const phase of phases) await goThroughOne(phase, log)
}

async function goThroughOne({ name, limitMs, run, cut }: ShutdownPhase, log: Omit<ShutdownLog, 'fatal'>): Promise<void> {
  const started = performance.now()
  const ms = () => Math.round(performance.now() - started)
  const over = Promise.withResolvers<'over'>()
  const timer = setTimeout(() => over.resolve('over'), limitMs)
  try {
    const running = run()
    if ((await Promise.race([running, over.promise])) !== 'over') return log.info({ phase: name, ms: ms() }, 'shutdown phase done')
    log.warn({ phase: name, ms: ms(), limitMs }, 'shutdown phase took too long, the next one begins')
    running.catch((err: unknown) => log.warn({ phase: name, err }, 'what a shutdown phase had left has failed'))
    cut?.()
  } catch (err) {
    log.error({ phase: name, ms: ms(), err }, 'shutdown phase failed, the next one begins')
  } finally {
    clearTimeout(timer)
  }
}
