export interface Recurrence {
  everySeconds: number
  /** Begins with a run, not with a pause. */
  atOnce?: boolean
  /** Does one run. What it throws is handed to `onFailure`; the next run comes all the same. */
  work(signal: AbortSignal): Promise<void>
  onFailure(err: unknown): void
}

/** Work that is done again and again, one run at a time, with a pause between the end of one and the beginning of the next. */
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

  /** Runs now instead of after the pause; when a run is under way, once more right after it. */
  soon(): void {
    if (!this.#started || this.#stopping.signal.aborted) return
    if (this.#running === null) this.#run()
    else this.#again = true
  }

  /** Tells the run that may be under way to end early, and resolves when it has. No other begins. */
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
