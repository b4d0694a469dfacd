import { resolvesWithin } from '@airlock/async'
import type { Listening, MoveOptions, UploadRecord, UploadRepository } from '@airlock/database'
import { isPending, jobStatusOf } from '@airlock/domain'

export interface MoveFeedDeps {
  uploads: Pick<UploadRepository, 'byIds'>
  /** One connection for the whole process, however many requests wait. */
  listen(handlers: Pick<MoveOptions, 'onMove' | 'onReady' | 'onLost'>): Listening
  /** How often all followed uploads are polled, in ms: rarely while the connection holds, since notifications arrive on it. */
  pollEveryMs: { listening: number; lost: number }
}

/** Uploads per query. */
const idsPerQuery = 100

/** Whether the status is one that clients do not wait beyond: `completed`, `rejected`, `failed`. */
export function hasEnded({ state }: UploadRecord): boolean {
  const status = jobStatusOf(state)
  return status === null || !isPending(status)
}

/**
 * Notifies the followers of an upload of its moves. Followers subscribe first and then read, so no move is missed. In case a notification is
 * lost, the feed polls all followed uploads together; followers themselves never poll.
 */
export class MoveFeed {
  readonly #followers = new Map<string, Set<() => void>>()
  /** Versions that a poll has found. */
  readonly #seen = new Map<string, number>()
  readonly #deps: MoveFeedDeps
  readonly #listening: Listening
  readonly #draining = new AbortController()
  #connected = false
  #timer: NodeJS.Timeout | undefined

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
        this.#schedulePoll()
      },
    })
  }

  /** Fires when this process drains: waiters should answer with what is known. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  /** @returns a function that ends the subscription */
  follow(uploadId: string, onMove: () => void): () => void {
    const followers = this.#followers.get(uploadId) ?? new Set()
    followers.add(onMove)
    this.#followers.set(uploadId, followers)
    if (this.#timer === undefined) this.#schedulePoll()
    return () => {
      followers.delete(onMove)
      if (followers.size > 0 || this.#followers.get(uploadId) !== followers) return
      this.#followers.delete(uploadId)
      this.#seen.delete(uploadId)
    }
  }

  /**
   * Waits until all the given uploads have ended.
   *
   * @returns their records when all have, or the current ones when the signal fires first
   */
  async untilEnded(uploadIds: readonly string[], signal: AbortSignal): Promise<UploadRecord[]> {
    const aborted = AbortSignal.any([signal, this.draining])
    let moved = Promise.withResolvers<void>()
    const ends = uploadIds.map((id) => this.follow(id, () => moved.resolve()))
    try {
      for (;;) {
        moved = Promise.withResolvers<void>()
        const records = await this.#deps.uploads.byIds([...uploadIds])
        if (aborted.aborted || records.every(hasEnded)) return records
        await resolvesWithin(moved.promise, { signal: aborted })
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
    clearTimeout(this.#timer)
    await this.#listening.close()
  }

  #schedulePoll(): void {
    clearTimeout(this.#timer)
    const { listening, lost } = this.#deps.pollEveryMs
    this.#timer = setTimeout(() => void this.#poll(), this.#connected ? listening : lost)
  }

  /** If the query fails, followers are woken and get the error from their own queries. */
  async #poll(): Promise<void> {
    const ids = [...this.#followers.keys()]
    try {
      for (let from = 0; from < ids.length; from += idsPerQuery) {
        for (const { id, version } of await this.#deps.uploads.byIds(ids.slice(from, from + idsPerQuery))) this.#found(id, version)
      }
    } catch {
      this.#wakeAll()
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#followers.size > 0 && !this.draining.aborted) this.#schedulePoll()
  }

  #found(uploadId: string, version: number): void {
    if (!this.#followers.has(uploadId) || this.#seen.get(uploadId) === version) return
    this.#seen.set(uploadId, version)
    this.#wake(uploadId)
  }

  #wake(uploadId: string): void {
    for (const onMove of this.#followers.get(uploadId) ?? []) onMove()
  }

  #wakeAll(): void {
    for (const uploadId of this.#followers.keys()) this.#wake(uploadId)
  }
}
