import { type Log, type SweepDeps, type SweepOptions, type SweepReport, sweep } from '@airlock/lifecycle'

export interface SweepTimerOptions extends SweepOptions {
  everySeconds: number
  onSwept(report: SweepReport): void
}

/** Sweeps again and again, one sweep at a time. A sweep that fails is told in the log; the next one does its work. */
export class SweepTimer {
  readonly #deps: SweepDeps & { log: Log }
  readonly #options: SweepTimerOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: SweepTimerOptions, deps: SweepDeps) {
    this.#options = options
    this.#deps = deps
  }

  start(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      this.#running = this.#sweep().then(() => this.start())
    }, this.#options.everySeconds * 1000)
  }

  /** Resolves when the sweep that may be running has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #sweep(): Promise<void> {
    try {
      this.#options.onSwept(await sweep(this.#options, this.#deps))
    } catch (err) {
      this.#deps.log.warn({ err }, 'sweep not finished, the next one will')
    }
  }
}
