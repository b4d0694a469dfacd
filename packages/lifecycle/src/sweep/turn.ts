import { randomUUID } from 'node:crypto'
import type { Place, Places, SweeperLease } from '@airlock/database'
import type { SweepOptions } from './sweep-options.ts'

/** Another process sweeps: this one was silent for too long. What it did stays; the rest is the other's. */
export class TurnLost extends Error {
  override name = 'TurnLost'
}

/** One sweep's right to sweep, and how far each rule has come. Whoever dies is followed, from its last word on. */
export class Turn {
  readonly #sweeper: SweeperLease
  readonly #leaseMs: number
  readonly #holder: string
  readonly #places: Record<string, Place>
  #renewAt: number

  private constructor(sweeper: SweeperLease, holder: string, leaseSeconds: number, places: Places) {
    this.#sweeper = sweeper
    this.#holder = holder
    this.#leaseMs = leaseSeconds * 1000
    this.#places = { ...places }
    this.#renewAt = performance.now() + this.#leaseMs / 3
  }

  /** @returns null when it is not our turn */
  static async take(sweeper: SweeperLease, { leaseSeconds, notWithinSeconds = 0 }: SweepOptions): Promise<Turn | null> {
    const holder = randomUUID()
    const places = await sweeper.take({ holder, leaseSeconds, notWithinSeconds })
    return places === null ? null : new Turn(sweeper, holder, leaseSeconds, places)
  }

  placeOf(rule: string): Place {
    return this.#places[rule] ?? { after: null, endedAt: null }
  }

  moveTo(rule: string, place: Place): void {
    this.#places[rule] = place
  }

  /**
   * Keeps the lease, when a third of it has passed. To be called before every move.
   *
   * @throws TurnLost
   */
  async keep(): Promise<void> {
    if (performance.now() < this.#renewAt) return
    const renewed = await this.#sweeper.renew({ holder: this.#holder, leaseSeconds: this.#leaseMs / 1000, places: this.#places })
    if (!renewed) throw new TurnLost('another process sweeps by now')
    this.#renewAt = performance.now() + this.#leaseMs / 3
  }

  async end(): Promise<void> {
    await this.#sweeper.end({ holder: this.#holder, places: this.#places })
  }
}

/** A look only: no lease, and every rule begins at its beginning. */
export const lookingTurn = (): Pick<Turn, 'placeOf' | 'moveTo' | 'keep' | 'end'> => ({
  placeOf: () => ({ after: null, endedAt: null }),
  moveTo: () => {},
  keep: async () => {},
  end: async () => {},
})
