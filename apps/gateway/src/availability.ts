import { setTimeout as delay } from 'node:timers/promises'

export interface AvailabilityOptions {
  /** For the log. */
  name: string
  /** Asks the server for a sign of life. */
  probe(timeoutMs: number): Promise<unknown>
  /** Whether an error of a call means that the server is away, not that something wrong was asked. */
  meansAway(error: unknown): boolean
  /** What is thrown instead of calling while the server is away. */
  away(): Error
  log: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
  tuning?: Partial<AvailabilityTuning> | undefined
}

export interface AvailabilityTuning {
  /** A call that takes longer than this makes us ask for a sign of life, in ms. */
  patienceMs: number
  /** After how long a sign of life is missing, in ms. One that comes later still counts, from the moment at which it comes. */
  probeTimeoutMs: number
  /** For how long a late sign of life is waited for, in ms. */
  lateAnswerMs: number
  /** How often a server that is away is asked, in ms. */
  askAgainMs: number
}

const defaults: AvailabilityTuning = { patienceMs: 1000, probeTimeoutMs: 1200, lateAnswerMs: 10_000, askAgainMs: 1000 }

/** A call under way, and how to give it up. */
interface RunningCall {
  giveUp(reason: Error): void
}

/**
 * Whether a server behind us is there, so that nobody waits for one that is known to be away.
 *
 * A call that fails makes it `doubtful`: new calls are refused at once, and the server is asked for a sign of life. No sign makes it `away`,
 * and calls under way are given up. A call that merely takes long makes us ask too, and two missing signs end it: a server that went silent
 * is noticed long before the timeouts of its client. While away, the server is asked until it answers; requests never do the asking, so
 * none of them waits for it.
 *
 * A slow server is not away. So each call that succeeds is a sign of life, and so is each part of a longer one (`answered`), at any time; and
 * a sign that comes late still counts.
 *
 * (opossum and cockatiel let one of the requests try whether the server is back, and neither ends the calls under way.)
 *
 * With the default tuning a call ends after at most 1.0 + 2 × 1.2 = 3.4 s when its server falls silent. Calls that carry what can't be sent
 * again so easily, such as uploads, are watched only.
 */
export class Availability {
  readonly #options: AvailabilityOptions
  readonly #tuning: AvailabilityTuning
  readonly #running = new Set<RunningCall>()
  readonly #closed = new AbortController()
  #state: 'there' | 'doubtful' | 'away' = 'there'
  #missing = 0
  #asking: Promise<void> | null = null
  #lastSuccess = Number.NEGATIVE_INFINITY

  constructor(options: AvailabilityOptions) {
    this.#options = options
    this.#tuning = { ...defaults, ...options.tuning }
  }

  /** @throws what `away` makes, at once, while the server is not known to be there */
  assertThere(): void {
    if (this.#state !== 'there') throw this.#options.away()
  }

  /**
   * Calls the server, unless it is away.
   *
   * @param call gets a signal that fires when the call is given up; what becomes of it then, nobody hears
   */
  async through<T>(call: (givenUp: AbortSignal) => Promise<T>): Promise<T> {
    this.assertThere()
    const { promise: awayMeanwhile, reject } = Promise.withResolvers<never>()
    const cut = new AbortController()
    const running: RunningCall = {
      giveUp: (reason) => {
        reject(reason)
        cut.abort(reason)
      },
    }
    this.#running.add(running)
    try {
      return await this.watch(() => Promise.race([call(cut.signal), awayMeanwhile]))
    } finally {
      this.#running.delete(running)
    }
  }

  /**
   * Watches a call that ends by its own failures and timeouts only: it is neither refused nor given up, whatever the server seems to be. What
   * becomes of it counts as for any other call.
   *
   * @returns what the call returns; throws what it throws
   */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    const started = performance.now()
    const { patienceMs } = this.#tuning
    const impatience = setInterval(() => {
      if (performance.now() - this.#lastSuccess >= patienceMs) this.#ask()
    }, patienceMs)
    try {
      const result = await call()
      this.answered()
      return result
    } catch (error) {
      if (this.#options.meansAway(error)) this.#doubt(started)
      throw error
    } finally {
      clearInterval(impatience)
    }
  }

  /** Notes that the server has just answered: it is there, whatever was missing before. */
  answered(): void {
    this.#lastSuccess = performance.now()
    this.#missing = 0
    this.#return()
  }

  /** Asks no more. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#asking
  }

  /** One slow or refused call says little while others succeed. */
  #doubt(started: number): void {
    if (this.#state === 'there' && this.#lastSuccess < started) {
      this.#state = 'doubtful'
      this.#missing = Math.max(this.#missing, 1)
    }
    this.#ask()
  }

  #ask(): void {
    if (this.#closed.signal.aborted) return
    this.#asking ??= this.#askUntilThere()
  }

  async #askUntilThere(): Promise<void> {
    const { signal } = this.#closed
    for (let began = performance.now(); !signal.aborted; ) {
      const failure = await this.#signOfLife()
      if (failure === null || this.#lastSuccess > began) break
      this.#missing += 1
      if (this.#missing >= 2 && this.#state !== 'away') this.#leave(failure)
      if (this.#state === 'away') await delay(this.#tuning.askAgainMs, undefined, { signal }).catch(() => {})
      if (this.#lastSuccess > began) break
      began = performance.now()
    }
    this.#asking = null
    this.#missing = 0
    if (!signal.aborted) this.#return()
  }

  /** An error that does not mean away is an answer too. @returns null, or why there is none yet */
  async #signOfLife(): Promise<Error | null> {
    const { probeTimeoutMs, lateAnswerMs } = this.#tuning
    const late = Promise.withResolvers<Error>()
    const timer = setTimeout(() => late.resolve(new Error(`no sign of life in ${probeTimeoutMs} ms`)), probeTimeoutMs)
    const asked = this.#options.probe(lateAnswerMs).catch((error: Error) => {
      if (this.#options.meansAway(error)) return error
    })
    const outcome = asked.then((failure) => {
      if (failure instanceof Error) return failure
      this.answered()
      return null
    })
    return Promise.race([outcome, late.promise]).finally(() => clearTimeout(timer))
  }

  #leave(err: Error): void {
    this.#state = 'away'
    this.#options.log.warn({ err, server: this.#options.name, callsGivenUp: this.#running.size }, 'server is away')
    for (const { giveUp } of this.#running) giveUp(this.#options.away())
  }

  #return(): void {
    if (this.#state === 'away') this.#options.log.info({ server: this.#options.name }, 'server is back')
    this.#state = 'there'
  }
}
