import { hash } from 'node:crypto'

export type Random = ReturnType<typeof randomFrom>

/**
 * Pseudo-random numbers that are determined by a seed.
 *
 * @param purpose makes separate sequences from one seed
 */
export function randomFrom(seed: number, purpose: string) {
  let count = 0
  /** From 0 to less than 1, with 48 bits. */
  const next = (): number => Number.parseInt(hash('sha256', `${seed} ${purpose} ${count++}`).slice(0, 12), 16) / 2 ** 48
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T
  return {
    pick,
    /** An integer from `from` to `to`, inclusive. */
    between: (from: number, to: number) => from + Math.floor(next() * (to - from + 1)),
    chance: (part: number) => next() < part,
    /** One of the rows, with probabilities in proportion to weights. */
    weighted<T extends { readonly weight: number }>(rows: readonly T[]): T {
      let left = next() * rows.reduce((sum, { weight }) => sum + weight, 0)
      for (const row of rows) {
        left -= row.weight
        if (left < 0) return row
      }
      return pick(rows)
    },
  }
}
