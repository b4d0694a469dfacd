/** A holder of a permit or a waiter for one, with its user. */
export interface Claimant {
  readonly userId: string
}

/** A user who holds all other permits cannot get the last one in this many, so that the next user need not wait. */
const reserveOneIn = 16

/**
 * Decides who gets the next permit, and whose upload may be ended to free one. These are the rules only, without timers or side effects
 * (docs/decisions/2026-11-27-permits-are-shared-by-user.md).
 *
 * A user's share is permits ÷ active users, and at least one; users are active who hold a permit or wait for one.
 *
 * - The next permit goes to users below their share, round robin, and if none of them waits to the others, round robin.
 * - A user who holds all other permits does not get the last sixteenth.
 * - Only uploads of users above their share may be ended, and only while a user below the share waits.
 */
export class FairPermits<C extends Claimant> {
  readonly permits: number
  readonly #most: number
  readonly #held = new Map<string, Set<C>>()
  /** Users in round-robin order, each with its waiters in the order of arrival. */
  readonly #waiting = new Map<string, Set<C>>()
  readonly #ending = new Set<C>()
  #taken = 0

  constructor(permits: number) {
    this.permits = permits
    this.#most = permits - Math.floor(permits / reserveOneIn)
  }

  /** How many permits each active user may hold before its uploads may be ended; may be fractional. */
  get share(): number {
    const active = new Set([...this.#held.keys(), ...this.#waiting.keys()]).size
    return Math.max(1, this.permits / Math.max(1, active))
  }

  /** Queues for a permit. */
  wait(claimant: C): void {
    added(this.#waiting, claimant)
  }

  /** Grants the next permit. @returns its new holder, or null if no waiter can get one */
  next(): C | null {
    if (this.#taken >= this.permits) return null
    const belowShare = this.#wholeShare()
    const users = [...this.#waiting.keys()]
    const user = users.find((userId) => this.#heldBy(userId) < belowShare) ?? users.find((userId) => this.#heldBy(userId) < this.#most)
    const [claimant] = user === undefined ? [] : (this.#waiting.get(user) ?? [])
    if (claimant === undefined) return null
    this.#dequeue(claimant)
    added(this.#held, claimant)
    this.#taken += 1
    return claimant
  }

  /** Releases a permit, or leaves the queue. Idempotent. */
  leave(claimant: C): void {
    this.#ending.delete(claimant)
    if (removed(this.#held, claimant)) this.#taken -= 1
    else removed(this.#waiting, claimant)
  }

  get hasWaiters(): boolean {
    return this.#waiting.size > 0
  }

  /** All waiters. */
  waiting(): C[] {
    return [...this.#waiting.values()].flatMap((claimants) => [...claimants])
  }

  /** Waiters whose users are below their share, so that others hold more than theirs. */
  owed(): C[] {
    const belowShare = this.#wholeShare()
    return [...this.#waiting].flatMap(([userId, claimants]) => [...claimants].slice(0, Math.max(0, belowShare - this.#heldBy(userId))))
  }

  /** Holders that may be ended to free permits: those of users who are above their share even without the holders that are already being ended. */
  endable(): C[] {
    const { share } = this
    return [...this.#held.values()].flatMap((claimants) => {
      const staying = [...claimants].filter((claimant) => !this.#ending.has(claimant))
      return staying.length > share ? staying : []
    })
  }

  /** Marks a holder as being ended; it keeps its permit until it leaves. */
  isEnding(claimant: C): void {
    this.#ending.add(claimant)
  }

  /** The number of holders that are being ended. */
  get endings(): number {
    return this.#ending.size
  }

  /** A user who was served and has more waiters goes to the end of the round. */
  #dequeue(claimant: C): void {
    const { userId } = claimant
    removed(this.#waiting, claimant)
    const rest = this.#waiting.get(userId)
    if (rest === undefined) return
    this.#waiting.delete(userId)
    this.#waiting.set(userId, rest)
  }

  #wholeShare(): number {
    return Math.min(Math.floor(this.share), this.#most)
  }

  #heldBy(userId: string): number {
    return this.#held.get(userId)?.size ?? 0
  }
}

function added<C extends Claimant>(users: Map<string, Set<C>>, claimant: C): void {
  const claimants = users.get(claimant.userId) ?? new Set()
  users.set(claimant.userId, claimants.add(claimant))
}

function removed<C extends Claimant>(users: Map<string, Set<C>>, claimant: C): boolean {
  const claimants = users.get(claimant.userId)
  const was = claimants?.delete(claimant) ?? false
  if (claimants?.size === 0) users.delete(claimant.userId)
  return was
}
