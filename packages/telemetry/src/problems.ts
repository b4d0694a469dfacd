import type { Log } from '@airlock/domain'

/** The shortest time between two reports, in ms. */
const pauseMs = 60_000

/** Reports problems with the export of traces to the log, at most once a minute. The first one waits until there is a log. */
export class TelemetryProblems {
  #log: Pick<Log, 'warn'> | undefined
  #first: Error | string | undefined
  #reportedAt = -pauseMs
  #unreported = 0

  report(problem: unknown): void {
    const given = problem instanceof Error ? problem : String(problem).slice(0, 500)
    if (this.#log === undefined) this.#first ??= given
    else if (performance.now() - this.#reportedAt < pauseMs) this.#unreported += 1
    else this.#write(this.#log, given)
  }

  reportTo(log: Pick<Log, 'warn'>): void {
    this.#log = log
    if (this.#first !== undefined) this.#write(log, this.#first)
  }

  #write(log: Pick<Log, 'warn'>, problem: Error | string): void {
    const unreported = this.#unreported
    this.#reportedAt = performance.now()
    this.#unreported = 0
    log.warn({ ...(typeof problem === 'string' ? { problem } : { err: problem }), unreported }, 'traces not exported')
  }
}
