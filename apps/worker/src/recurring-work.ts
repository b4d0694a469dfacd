export interface Recurrence {
  everySeconds: number
  /** Starts with a run instead of a pause. */
  atOnce?: boolean
  /** Does one run. An error is passed to `onFailure`; the next run takes place anyway. */
  work(signal: AbortSignal): Promise<void>
  onFailure(err: unknown): void
}

/** Periodic work: one run at a time, with a pause between the end of a run and the start of the next. */
export class RecurringWork {
  readonly #recurrence: Recurrence
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | null = null
  #started = false
  #again = false

  constructor(recurrence: Recurrence) {
    this.#recurrence = recurrence
  }

  start(): void {
    if (this.#started || this.#stopping.signal.aborted) return
    this.#started = true
    if (this.#recurrence.atOnce) this.#run()
    else this.#wait()
  }

  /** Runs now instead of after the pause; if a run is in progress, once more directly after it. */
  soon(): void {
    if (!this.#started || this.#stopping.signal.aborted) return
    if (this.#running === null) this.#run()
    else this.#again = true
  }

  /** Aborts the run in progress, if any, and resolves when it has ended. No other run starts. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #run(): void {
    clearTimeout(this.#timer)
    this.#again = false
    const { signal } = this.#stopping
    this.#running = this.#recurrence
      .work(signal)
      .catch((err: unknown) => this.#recurrence.onFailure(err))
      .then(() => {
        this.#running = null
        if (signal.aborted) return
        if (this.#again) this.#run()
        else this.#wait()
      })
  }

  #wait(): void {
    this.#timer = setTimeout(() => this.#run(), this.#recurrence.everySeconds * 1000)
  }
}
