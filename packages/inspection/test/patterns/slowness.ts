import { repeatedBeginnings } from './texts.ts'

/** Short enough that what takes exponential time ends, then what takes cubic time. */
const firstLengths = [26, 256, 1024]
const longestMs = 200
/** So many texts, the slowest of those of 1024 characters, are run at full length. */
const suspects = 6
/** Below, a measurement says more about the machine than about what is measured. */
const measurableMs = 40
/** A text of four times the length takes four times as long where time is linear, and sixteen times where it is quadratic. */
const growth = 4
const allowedGrowth = 10

/**
 * Runs something over texts that are made to be slow: short ones first, then the slowest of them at the length `cap` and at a quarter of it.
 *
 * @param cap the most characters that it is ever given, or so many that more than linear time shows
 * @returns the beginning of a text that takes more than its share of time, or null
 */
export function slowText(run: (text: string) => void, texts: readonly string[], cap: number): string | null {
  let slowest: { beginning: string; ms: number; index: number }[] = []
  for (const length of firstLengths) {
    slowest = []
    let index = 0
    for (const text of repeatedBeginnings(texts, length)) {
      const ms = msOf(run, text)
      if (ms > longestMs && msOf(run, text) > longestMs) return text.slice(0, 60)
      slowest.push({ beginning: text.slice(0, 60), ms, index: index++ })
    }
  }
  const chosen = new Set(
    slowest
      .sort((a, b) => b.ms - a.ms)
      .slice(0, suspects)
      .map(({ index }) => index),
  )
  let index = 0
  for (const text of repeatedBeginnings(texts, cap)) {
    if (chosen.has(index++) && growsTooMuch(run, text)) return text.slice(0, 60)
  }
  return null
}

function growsTooMuch(run: (text: string) => void, text: string): boolean {
  if (msOf(run, text) < measurableMs) return false
  const quarter = `${text.slice(0, text.length / growth)}${text.slice(-1)}`
  const ms = bestOf(6, run, text)
  return ms >= measurableMs && ms > allowedGrowth * bestOf(6, run, quarter)
}

/** The machine may do something else meanwhile, and the first run also compiles the pattern. */
const bestOf = (times: number, run: (text: string) => void, text: string): number =>
  Math.min(...Array.from({ length: times }, () => msOf(run, text)))

function msOf(run: (text: string) => void, text: string): number {
  const start = performance.now()
  run(text)
  return performance.now() - start
}
