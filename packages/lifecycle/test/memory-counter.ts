import type { FileCounter } from '../src/index.ts'

/** A file counter in memory instead of Redis. */
export class MemoryCounter implements FileCounter {
  /** The response to admission requests. */
  seconds = 0
  /** Recorded calls, in order. */
  readonly calls: string[] = []

  async secondsUntilRoom(): Promise<number> {
    return this.seconds
  }

  async refused(userId: string, retryAfterSeconds: number): Promise<void> {
    this.calls.push(`refused ${userId} ${retryAfterSeconds > 0}`)
  }

  async givenBack(userId: string): Promise<void> {
    this.calls.push(`given back ${userId}`)
  }
}
