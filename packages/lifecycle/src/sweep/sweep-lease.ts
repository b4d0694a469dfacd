import { randomUUID } from 'node:crypto'
import { renewLease } from '@airlock/async'
import type { RulePosition, RulePositions, SweeperLease } from '@airlock/database'
import type { SweepOptions } from './sweep-options.ts'

/** Another process has taken the lease over, because this one did not renew it in time. Its moves stay; the other process does the rest. */
export class SweepLeaseLost extends Error {
  override name = 'SweepLeaseLost'
}

/** Leases are not renewed more often than this, however short they are. */
const shortestRenewalMs = 100

/**
 * The lease of one sweep, with the position of each rule. A timer renews it, because one step of a rule may ask a slow store about a hundred objects:
 * otherwise sweepers would overtake each other, and none would finish. If the process dies or is paused, the next one continues from the positions
 * stored last.
 */
export class SweepLease {
  readonly #sweeper: SweeperLease
  readonly #leaseMs: number
  readonly #holder: string
  readonly #positions: Record<string, RulePosition>
  readonly #stopRenewing: () => void
  #renewAt: number
  #lost = false

  private constructor(sweeper: SweeperLease, holder: string, leaseSeconds: number, positions: RulePositions) {
    this.#sweeper = sweeper
    this.#holder = holder
    this.#leaseMs = leaseSeconds * 1000
    this.#positions = { ...positions }
    this.#renewAt = performance.now() + this.#leaseMs / 3
    // after a renewal that fails, the next one or the next move tries again
    this.#stopRenewing = renewLease({
      leaseMs: Math.max(3 * shortestRenewalMs, this.#leaseMs),
      renew: () => this.#renew(),
      onFailure: () => {},
    })
  }

  /** @returns null when another process has the lease, or has just swept */
  static async take(sweeper: SweeperLease, { leaseSeconds, notWithinSeconds = 0 }: SweepOptions): Promise<SweepLease | null> {
    const holder = randomUUID()
    const positions = await sweeper.take({ holder, leaseSeconds, notWithinSeconds })
    return positions === null ? null : new SweepLease(sweeper, holder, leaseSeconds, positions)
  }

  positionOf(rule: string): RulePosition {
    return this.#positions[rule] ?? { after: null, endedAt: null }
  }

  advance(rule: string, position: RulePosition): void {
    this.#positions[rule] = position
  }

  /**
   * Ensures that the lease is held, and was renewed in the last third of its time. To be called before every move.
   *
   * @throws SweepLeaseLost
   */
  async renewIfDue(): Promise<void> {
    if (!this.#lost && performance.now() >= this.#renewAt) await this.#renew()
    if (this.#lost) throw new SweepLeaseLost('sweep lease lost, another process sweeps')
  }

  async end(): Promise<void> {
    this.#stopRenewing()
    await this.#sweeper.end({ holder: this.#holder, positions: this.#positions })
  }

  async #renew(): Promise<void> {
    const renewed = await this.#sweeper.renew({ holder: this.#holder, leaseSeconds: this.#leaseMs / 1000, positions: this.#positions })
    if (renewed) this.#renewAt = performance.now() + this.#leaseMs / 3
    else this.#lost = true
  }
}

/** For dry runs: takes no lease, and every rule starts from the beginning. */
export const readOnlyLease = (): Pick<SweepLease, 'positionOf' | 'advance' | 'renewIfDue' | 'end'> => ({
  positionOf: () => ({ after: null, endedAt: null }),
  advance: () => {},
  renewIfDue: async () => {},
  end: async () => {},
})
