export type Random = ReturnType<typeof randomFrom>

/**
 * Pseudo-random numbers that are determined by a seed: Mulberry32 (Tommy Ettinger, public domain): 32 bits of state are enough for a schedule.
 *
 * @param purpose makes separate sequences from one seed
 */
export function randomFrom(seed: number, purpose: string) {
  let state = seed ^ hashOf(purpose)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
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

/** FNV-1a. */
const hashOf = (text: string): number => [...text].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5)
