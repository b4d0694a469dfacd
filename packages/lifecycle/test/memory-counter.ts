import type { FileCounter } from '../src/index.ts'

/** What a gateway remembers of refusals, without a Redis. */
export class MemoryCounter implements FileCounter {
  /** What is answered when somebody asks for room. */
  seconds = 0
  /** What it was told, in this order. */
  readonly told: string[] = []

  async secondsUntilRoom(): Promise<number> {
    return this.seconds
  }

  async refused(userId: string, retryAfterSeconds: number): Promise<void> {
    this.told.push(`refused ${userId} ${retryAfterSeconds > 0}`)
  }

  async givenBack(userId: string): Promise<void> {
    this.told.push(`given back ${userId}`)
  }
}
