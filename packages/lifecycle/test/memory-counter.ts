import type { FileCounter } from '../src/index.ts'

/** What a gateway knows of users' hours, without a Redis. */
export class MemoryCounter implements FileCounter {
  readonly counted = new Map<string, Set<string>>()
  /** What is answered when somebody asks for room. */
  seconds = 0

  async secondsUntilRoom(): Promise<number> {
    return this.seconds
  }

  async add(userId: string, uploadId: string): Promise<void> {
    this.#of(userId).add(uploadId)
  }

  async remove(userId: string, uploadId: string): Promise<void> {
    this.#of(userId).delete(uploadId)
  }

  filesOf(userId: string): string[] {
    return [...this.#of(userId)]
  }

  #of(userId: string): Set<string> {
    const files = this.counted.get(userId) ?? new Set()
    this.counted.set(userId, files)
    return files
  }
}
