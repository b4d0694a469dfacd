/**
 * Work that continues after its request has been answered, such as emptying the quarantine after a refused form. No client waits for it, but
 * the shutdown does.
 */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>()

  /** @param task handles its own errors */
  add(task: Promise<void>): void {
    this.#running.add(task)
    void task.finally(() => this.#running.delete(task))
  }

  /** Resolves when no task is left. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }
}
