/** The set of running jobs, to wait for their end. */
export class RunningJobs {
  readonly #jobs = new Set<Promise<unknown>>()

  get running(): number {
    return this.#jobs.size
  }

  /** @returns the same job */
  add<T>(job: Promise<T>): Promise<T> {
    this.#jobs.add(job)
    const forget = () => void this.#jobs.delete(job)
    job.then(forget, forget)
    return job
  }

  /** Resolves when no job runs, including jobs that started meanwhile. */
  async ended(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.allSettled(this.#jobs)
  }
}
