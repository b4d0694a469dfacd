import { randomUUID } from 'node:crypto'
import type { Place, Places, SweeperLease } from '@airlock/database'
import type { SweepOptions } from './sweep-options.ts'

/** Another process sweeps: this one was silent for too long. What it did stays; the rest is the other's. */
export class SweepLeaseLost extends Error {
  override name = 'SweepLeaseLost'
}

/** Leases are not renewed more often than this, however short they are. */
const shortestBeatMs = 100

/**
 * One sweep's right to sweep, and how far each rule has come. It is renewed by a timer, because one look of a rule may ask a slow store about a
 * hundred objects: else sweepers would go on overtaking each other, and none would come to its end. Whoever dies or is paused is followed, from
 * its last word on.
 */
export class SweepLease {
  readonly #sweeper: SweeperLease
  readonly #leaseMs: number
  readonly #holder: string
  readonly #places: Record<string, Place>
  readonly #beat: NodeJS.Timeout
  #renewAt: number
  #lost = false

  private constructor(sweeper: SweeperLease, holder: string, leaseSeconds: number, places: Places) {
    this.#sweeper = sweeper
    this.#holder = holder
    this.#leaseMs = leaseSeconds * 1000
    this.#places = { ...places }
    this.#renewAt = performance.now() + this.#leaseMs / 3
    // a renewal that fails is made up for by the next, or by the next move
    this.#beat = setInterval(() => this.#renew().catch(() => {}), Math.max(shortestBeatMs, this.#leaseMs / 3)).unref()
  }

  /** @returns null when it is not our turn */
  static async take(sweeper: SweeperLease, { leaseSeconds, notWithinSeconds = 0 }: SweepOptions): Promise<SweepLease | null> {
    const holder = randomUUID()
    const places = await sweeper.take({ holder, leaseSeconds, notWithinSeconds })
    return places === null ? null : new SweepLease(sweeper, holder, leaseSeconds, places)
  }

  placeOf(rule: string): Place {
    return this.#places[rule] ?? { after: null, endedAt: null }
  }

  moveTo(rule: string, place: Place): void {
    this.#places[rule] = place
  }

  /**
   * Makes sure that the lease is ours, and was renewed in the last third of it. To be called before every move.
   *
   * @throws SweepLeaseLost
   */
  async keep(): Promise<void> {
    if (!this.#lost && performance.now() >= this.#renewAt) await this.#renew()
    if (this.#lost) throw new SweepLeaseLost('another process sweeps by now')
  }

  async end(): Promise<void> {
    clearInterval(this.#beat)
    await this.#sweeper.end({ holder: this.#holder, places: this.#places })
  }

  async #renew(): Promise<void> {
    const renewed = await this.#sweeper.renew({ holder: this.#holder, leaseSeconds: this.#leaseMs / 1000, places: this.#places })
    if (renewed) this.#renewAt = performance.now() + this.#leaseMs / 3
    else this.#lost = true
  }
}

/** A look only: no lease, and every rule begins at its beginning. */
export const readOnlyLease = (): Pick<SweepLease, 'placeOf' | 'moveTo' | 'keep' | 'end'> => ({
  placeOf: () => ({ after: null, endedAt: null }),
  moveTo: () => {},
  keep: async () => {},
  end: async () => {},
})
