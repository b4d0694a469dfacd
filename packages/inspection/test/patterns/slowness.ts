import { repeatedBeginnings } from './texts.ts'

/** Short enough that what takes exponential time ends, then what takes cubic time; each with the most that it may take. */
const firstLengths = [
  { length: 26, longestMs: 30 },
  { length: 256, longestMs: 100 },
  { length: 1024, longestMs: 200 },
]
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

/** Of this thread's own time on a core: how long it waits for one says nothing. */
function msOf(run: (text: string) => void, text: string): number {
  const { user, system } = process.threadCpuUsage()
  run(text)
  const after = process.threadCpuUsage()
  return (after.user - user + after.system - system) / 1000
}
