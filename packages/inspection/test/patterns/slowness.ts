import { repeatedBeginnings } from './texts.ts'

/** Lengths at which exponential and then cubic patterns still end, each with a time limit. */
const firstLengths = [
  { length: 26, longestMs: 30 },
  { length: 256, longestMs: 100 },
  { length: 1024, longestMs: 200 },
]
/** Number of the slowest texts of 1024 characters that are run at full length. */
const suspects = 6
/** Below this, a measurement is unreliable. */
const measurableMs = 40
/** Four times the length takes four times as long if time is linear, and sixteen times if it is quadratic. */
const growth = 4
const allowedGrowth = 10

/**
 * Runs a function on texts that are likely to be slow: short ones first, then the slowest of them at the length `cap` and at a quarter of it.
 *
 * @param cap maximum length of its input, or a length at which more than linear time is measurable
 * @returns the beginning of a text that takes more than linear time, or null
 */
export function slowText(run: (text: string) => void, texts: readonly string[], cap: number): string | null {
  let slowest: { beginning: string; ms: number; index: number }[] = []
  for (const { length, longestMs } of firstLengths) {
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
  const ms = bestOf(3, run, text)
  return ms >= measurableMs && ms > allowedGrowth * bestOf(3, run, quarter)
}

/** The first run also compiles the pattern. */
const bestOf = (times: number, run: (text: string) => void, text: string): number =>
  Math.min(...Array.from({ length: times }, () => msOf(run, text)))

/** CPU time of this thread. */
function msOf(run: (text: string) => void, text: string): number {
  const { user, system } = process.threadCpuUsage()
  run(text)
  const after = process.threadCpuUsage()
  return (after.user - user + after.system - system) / 1000
}
