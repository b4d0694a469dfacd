/**
 * Work that must finish although its request has been answered: emptying the quarantine behind a refused form. It is never awaited by a
 * client, and always by the shutdown.
 */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>()

  /** @param chore deals with its own errors */
  add(chore: Promise<void>): void {
    this.#running.add(chore)
    void chore.finally(() => this.#running.delete(chore))
  }

  /** Resolves when nothing is left to do. */
  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }
}
