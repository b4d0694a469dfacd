import type { Listening, MoveOptions, UploadRecord, UploadRepository } from '@airlock/database'
import { isPending, jobStatusOf } from '@airlock/domain'

export interface MoveFeedDeps {
  uploads: Pick<UploadRepository, 'byIds'>
  /** One connection for the whole process, however many wait. */
  listen(handlers: Pick<MoveOptions, 'onMove' | 'onReady' | 'onLost'>): Listening
  /** How often those who wait look for themselves, in ms: seldom while the connection holds, since it tells them. */
  lookEveryMs: { listening: number; lost: number }
}

/** Whether nothing will come any more that a client waits for: `completed`, `rejected`, `failed`. */
export function hasEnded({ state }: UploadRecord): boolean {
  const status = jobStatusOf(state)
  return status === null || !isPending(status)
}

/** Tells whoever follows an upload that it has moved. Followers subscribe first and then read, so no move is missed. */
export class MoveFeed {
  readonly #followers = new Map<string, Set<() => void>>()
  readonly #deps: MoveFeedDeps
  readonly #listening: Listening
  readonly #draining = new AbortController()
  #connected = false

  constructor(deps: MoveFeedDeps) {
    this.#deps = deps
    this.#listening = deps.listen({
      onMove: (uploadId) => this.#wake(uploadId),
      onReady: () => {
        this.#connected = true
        this.#wakeAll()
      },
      onLost: () => {
        this.#connected = false
        this.#wakeAll()
      },
    })
  }

  /** Fires when this process wants no more waiters: answer with what is known. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  /** How soon a follower should look again without having been told, in ms. */
  get lookAgainMs(): number {
    return this.#connected ? this.#deps.lookEveryMs.listening : this.#deps.lookEveryMs.lost
  }

  /** @returns ends the subscription */
  follow(uploadId: string, onMove: () => void): () => void {
    const followers = this.#followers.get(uploadId) ?? new Set()
    followers.add(onMove)
    this.#followers.set(uploadId, followers)
    return () => {
      followers.delete(onMove)
      if (followers.size === 0) this.#followers.delete(uploadId)
    }
  }

  /**
   * Waits until all of some uploads have ended.
   *
   * @returns their records when all have, or as they are when the signal fires first
   */
  async untilEnded(uploadIds: readonly string[], signal: AbortSignal): Promise<UploadRecord[]> {
    const over = AbortSignal.any([signal, this.draining])
    let moved = Promise.withResolvers<void>()
    const ends = uploadIds.map((id) => this.follow(id, () => moved.resolve()))
    try {
      for (;;) {
        moved = Promise.withResolvers<void>()
        const records = await this.#deps.uploads.byIds([...uploadIds])
        if (over.aborted || records.every(hasEnded)) return records
        await firstOf(moved.promise, over, this.lookAgainMs)
      }
    } finally {
      for (const end of ends) end()
    }
  }

  drain(): void {
    this.#draining.abort()
  }

  async close(): Promise<void> {
    this.drain()
    await this.#listening.close()
  }

  #wake(uploadId: string): void {
    for (const onMove of this.#followers.get(uploadId) ?? []) onMove()
  }

  #wakeAll(): void {
    for (const uploadId of this.#followers.keys()) this.#wake(uploadId)
  }
}

/** Resolves with whatever comes first: the promise, the signal, or the time. */
export async function firstOf(promise: Promise<void>, signal: AbortSignal, ms: number): Promise<void> {
  const { promise: other, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const onAbort = () => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  await Promise.race([promise, other])
  clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
}
