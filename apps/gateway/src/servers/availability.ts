import { resolvesWithin, sleep } from '@airlock/async'

export interface AvailabilityOptions {
  /** For the log. */
  name: string
  /** Checks whether the server responds. */
  probe(timeoutMs: number): Promise<unknown>
  /** Whether the error of a call means that the server is unavailable, and not that the request was invalid. */
  meansUnavailable(error: unknown): boolean
  /** The error to throw instead of calling while the server is unavailable. */
  unavailableError(): Error
  log: { warn(fields: object, message: string): void; info(fields: object, message: string): void }
  tuning?: Partial<AvailabilityTuning> | undefined
}

export interface AvailabilityTuning {
  /** A call that takes longer than this triggers a probe, in ms. */
  slowCallMs: number
  /** After how long a probe counts as failed, in ms. A later reply still counts, from the moment it arrives. */
  probeTimeoutMs: number
  /** How long a late reply to a probe is waited for, in ms. */
  lateAnswerMs: number
  /** Pause between probes of an unavailable server, in ms. */
  probePauseMs: number
}

const defaults: AvailabilityTuning = { slowCallMs: 1000, probeTimeoutMs: 1200, lateAnswerMs: 10_000, probePauseMs: 1000 }

/** A call in progress, and how to abort it. */
interface RunningCall {
  abort(reason: Error): void
}

/**
 * Circuit breaker: tracks whether a server is available, so that no request waits for one that is known to be unavailable.
 *
 * A failed call makes it `suspect`: new calls are refused at once, and the server is probed. A failed probe makes it `unavailable` and aborts
 * the calls in progress. A slow call triggers probes as well, and two failed probes abort it: a server that stopped responding is noticed long
 * before the timeouts of its client. An unavailable server is probed until it responds; requests never do the probing, so none waits for it.
 *
 * A slow server is not unavailable. So every successful call counts as a sign of life, and so does every part of a longer one (`answered`), at
 * any time; and a late reply to a probe still counts.
 *
 * (opossum and cockatiel use a request to test whether the server has recovered, and neither aborts the calls in progress.)
 *
 * With the default tuning a call ends at most 1.0 + 2 × 1.2 = 3.4 s after its server stopped responding. Calls that are expensive to repeat,
 * such as uploads, are only watched.
 */
export class Availability {
  readonly #options: AvailabilityOptions
  readonly #tuning: AvailabilityTuning
  readonly #running = new Set<RunningCall>()
  readonly #closed = new AbortController()
  #state: 'available' | 'suspect' | 'unavailable' = 'available'
  #failedProbes = 0
  #probing: Promise<void> | null = null
  #lastSuccess = Number.NEGATIVE_INFINITY

  constructor(options: AvailabilityOptions) {
    this.#options = options
    this.#tuning = { ...defaults, ...options.tuning }
  }

  /** @throws `unavailableError()` at once unless the server is considered available */
  assertAvailable(): void {
    if (this.#state !== 'available') throw this.#options.unavailableError()
  }

  /**
   * Calls the server, unless it is unavailable.
   *
   * @param call gets a signal that fires when the call is aborted; its result is then ignored
   */
  async through<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.assertAvailable()
    const { promise: becameUnavailable, reject } = Promise.withResolvers<never>()
    const aborting = new AbortController()
    const running: RunningCall = {
      abort: (reason) => {
        reject(reason)
        aborting.abort(reason)
      },
    }
    this.#running.add(running)
    try {
      return await this.watch(() => Promise.race([call(aborting.signal), becameUnavailable]))
    } finally {
      this.#running.delete(running)
    }
  }

  /**
   * Watches a call that ends only by its own failures and timeouts: it is neither refused nor aborted, whatever the state of the server. Its
   * result counts like that of any other call.
   *
   * @returns the result of the call; throws its error
   */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    const started = performance.now()
    const { slowCallMs } = this.#tuning
    const slowCallCheck = setInterval(() => {
      if (performance.now() - this.#lastSuccess >= slowCallMs) this.#probe()
    }, slowCallMs)
    try {
      const result = await call()
      this.answered()
      return result
    } catch (error) {
      if (this.#options.meansUnavailable(error)) this.#suspect(started)
      throw error
    } finally {
      clearInterval(slowCallCheck)
    }
  }

  /** Records that the server has just responded: it is available, whatever failed before. */
  answered(): void {
    this.#lastSuccess = performance.now()
    this.#failedProbes = 0
    this.#markAvailable()
  }

  /** Stops probing. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#probing
  }

  /** A single failed call proves little while others succeed. */
  #suspect(started: number): void {
    if (this.#state === 'available' && this.#lastSuccess < started) {
      this.#state = 'suspect'
      this.#failedProbes = Math.max(this.#failedProbes, 1)
    }
    this.#probe()
  }

  #probe(): void {
    if (this.#closed.signal.aborted) return
    this.#probing ??= this.#probeUntilAvailable()
  }

  async #probeUntilAvailable(): Promise<void> {
    const { signal } = this.#closed
    for (let began = performance.now(); !signal.aborted; ) {
      const failure = await this.#probeOnce()
      if (failure === null || this.#lastSuccess > began) break
      this.#failedProbes += 1
      if (this.#failedProbes >= 2 && this.#state !== 'unavailable') this.#markUnavailable(failure)
      if (this.#state === 'unavailable') await sleep(this.#tuning.probePauseMs, signal)
      if (this.#lastSuccess > began) break
      began = performance.now()
    }
    this.#probing = null
    this.#failedProbes = 0
    if (!signal.aborted) this.#markAvailable()
  }

  /** An error that does not mean "unavailable" counts as a reply. @returns null, or why there is no reply yet */
  async #probeOnce(): Promise<Error | null> {
    const { probeTimeoutMs, lateAnswerMs } = this.#tuning
    const probed = this.#options.probe(lateAnswerMs).catch((error: Error) => {
      if (this.#options.meansUnavailable(error)) return error
    })
    const outcome = probed.then((failure) => {
      if (failure instanceof Error) return failure
      this.answered()
      return null
    })
    return (await resolvesWithin(outcome, { ms: probeTimeoutMs })) ? outcome : new Error(`no reply in ${probeTimeoutMs} ms`)
  }

  #markUnavailable(err: Error): void {
    this.#state = 'unavailable'
    this.#options.log.warn({ err, server: this.#options.name, callsGivenUp: this.#running.size }, 'server unavailable')
    for (const { abort } of this.#running) abort(this.#options.unavailableError())
  }

  #markAvailable(): void {
    if (this.#state === 'unavailable') this.#options.log.info({ server: this.#options.name }, 'server available again')
    this.#state = 'available'
  }
}
