/** What holds a permit or waits for one, and the user for whom it counts. */
export interface Claimant {
  readonly userId: string
}

/** Of so many permits one is kept back from a user who has all the others: somebody who comes after need not wait for it. */
const oneKeptOf = 16

/**
 * Who gets the next of a number of permits, and what may be ended to make room. This is the rule alone: it knows no clock and does nothing by
 * itself (docs/decisions/2026-11-27-permits-are-shared-by-user.md).
 *
 * A user's share is permits ÷ active users, and at least one; active are those who hold a permit or wait for one.
 *
 * - The next permit goes to the users who hold less than their share, in turn, and when none of them waits to the others, in turn.
 * - Nobody gets the last sixteenth of the permits who has all the rest.
 * - Only what belongs to users above their share may be ended, and only while somebody waits who is below it.
 */
export class FairPermits<C extends Claimant> {
  readonly permits: number
  readonly #most: number
  readonly #held = new Map<string, Set<C>>()
  /** Users in the order of their turns, each with what it has waiting, in the order of its arrival. */
  readonly #waiting = new Map<string, Set<C>>()
  readonly #ending = new Set<C>()
  #taken = 0

  constructor(permits: number) {
    this.permits = permits
    this.#most = permits - Math.floor(permits / oneKeptOf)
  }

  /** How many permits each active user may hold without being asked to make room; a fraction where they do not come out even. */
  get share(): number {
    const active = new Set([...this.#held.keys(), ...this.#waiting.keys()]).size
    return Math.max(1, this.permits / Math.max(1, active))
  }

  /** Lines up for a permit. */
  wait(claimant: C): void {
    added(this.#waiting, claimant)
  }

  /** Gives the next permit. @returns who has it now, or null when none is free for anybody who waits */
  next(): C | null {
    if (this.#taken >= this.permits) return null
    const belowShare = this.#wholeShare()
    const users = [...this.#waiting.keys()]
    const user = users.find((userId) => this.#heldBy(userId) < belowShare) ?? users.find((userId) => this.#heldBy(userId) < this.#most)
    const [claimant] = user === undefined ? [] : (this.#waiting.get(user) ?? [])
    if (claimant === undefined) return null
    this.#leaveLine(claimant)
    added(this.#held, claimant)
    this.#taken += 1
    return claimant
  }

  /** Gives a permit back, or leaves the line. Twice is once. */
  leave(claimant: C): void {
    this.#ending.delete(claimant)
    if (removed(this.#held, claimant)) this.#taken -= 1
    else removed(this.#waiting, claimant)
  }

  get someWait(): boolean {
    return this.#waiting.size > 0
  }

  /** All that waits. */
  waiting(): C[] {
    return [...this.#waiting.values()].flatMap((claimants) => [...claimants])
  }

  /** What waits although its user is below the share with it: others have more than theirs. */
  owed(): C[] {
    const belowShare = this.#wholeShare()
    return [...this.#waiting].flatMap(([userId, claimants]) => [...claimants].slice(0, Math.max(0, belowShare - this.#heldBy(userId))))
  }

  /** What may be ended to make room: of users who stay above their share after all that is being ended already. */
  endable(): C[] {
    const { share } = this
    return [...this.#held.values()].flatMap((claimants) => {
      const staying = [...claimants].filter((claimant) => !this.#ending.has(claimant))
      return staying.length > share ? staying : []
    })
  }

  /** Notes that something is being ended; it holds its permit until it leaves. */
  isEnding(claimant: C): void {
    this.#ending.add(claimant)
  }

  /** How many are being ended. */
  get endings(): number {
    return this.#ending.size
  }

  /** A user who was served and has more waiting is the last in turn. */
  #leaveLine(claimant: C): void {
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
