import type { Listening, MoveOptions, UploadRecord, UploadRepository } from '@airlock/database'
import { isPending, jobStatusOf } from '@airlock/domain'

export interface MoveFeedDeps {
  uploads: Pick<UploadRepository, 'byIds'>
  /** One connection for the whole process, however many wait. */
  listen(handlers: Pick<MoveOptions, 'onMove' | 'onReady' | 'onLost'>): Listening
  /** How often all that is followed is looked at, in ms: seldom while the connection holds, since it tells what moved. */
  lookEveryMs: { listening: number; lost: number }
}

/** Uploads that one question asks for. */
const idsAtOnce = 100

/** Whether nothing will come any more that a client waits for: `completed`, `rejected`, `failed`. */
export function hasEnded({ state }: UploadRecord): boolean {
  const status = jobStatusOf(state)
  return status === null || !isPending(status)
}

/**
 * Tells whoever follows an upload that it has moved. Followers subscribe first and then read, so no move is missed. As a net below the
 * connection that tells, one look at all that is followed finds moves that nobody told of: followers themselves never poll.
 */
export class MoveFeed {
  readonly #followers = new Map<string, Set<() => void>>()
  /** Versions that a look has found. */
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
        this.#lookLater()
      },
    })
  }

  /** Fires when this process wants no more waiters: answer with what is known. */
  get draining(): AbortSignal {
    return this.#draining.signal
  }

  /** @returns ends the subscription */
  follow(uploadId: string, onMove: () => void): () => void {
    const followers = this.#followers.get(uploadId) ?? new Set()
    followers.add(onMove)
    this.#followers.set(uploadId, followers)
    if (this.#timer === undefined) this.#lookLater()
    return () => {
      followers.delete(onMove)
      if (followers.size > 0 || this.#followers.get(uploadId) !== followers) return
      this.#followers.delete(uploadId)
      this.#seen.delete(uploadId)
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
        await firstOf(moved.promise, over)
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

  #lookLater(): void {
    clearTimeout(this.#timer)
    const { listening, lost } = this.#deps.lookEveryMs
    this.#timer = setTimeout(() => void this.#look(), this.#connected ? listening : lost)
  }

  /** When nobody can be asked, followers hear it from their own questions. */
  async #look(): Promise<void> {
    const ids = [...this.#followers.keys()]
    try {
      for (let from = 0; from < ids.length; from += idsAtOnce) {
        for (const { id, version } of await this.#deps.uploads.byIds(ids.slice(from, from + idsAtOnce))) this.#found(id, version)
      }
    } catch {
      this.#wakeAll()
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#followers.size > 0 && !this.draining.aborted) this.#lookLater()
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

/** Resolves with whatever comes first: the promise, the signal, or the time, if there is one. */
export async function firstOf(promise: Promise<void>, signal: AbortSignal, ms?: number): Promise<void> {
  const { promise: other, resolve } = Promise.withResolvers<void>()
  const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
  const onAbort = () => resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  await Promise.race([promise, other])
  clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
}
