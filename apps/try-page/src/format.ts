/** Quantities and times as people read them. */

const units = ['B', 'kB', 'MB', 'GB'] as const

/** `1.4 MB`, in powers of 1000 as file managers and networks count. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** `120 ms`, `4.2 s`, `2 min 5 s`, `1 h 12 min`. */
export function durationText(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  return minutes % 60 === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** The time of a moment of today, or the date of another one. */
export function momentText(moment: string): string {
  const date = new Date(moment)
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday ? clockText(moment) : date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
}

/** `14:03:27`, in the time of this browser. */
export const clockText = (moment: number | string): string =>
  new Date(moment).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

type Fact = string | number | boolean | null

/** Facts that say nothing to a person, or belong to another one. */
const hiddenFacts = ['inspection_version', 'width', 'height']

/** The facts of inspection as names and values for people: `frame_count: 3` as `Frame count`, `3`. */
export function factTexts(facts: Readonly<Record<string, Fact>>): [name: string, text: string][] {
  const { width, height } = facts
  const size: [string, string][] = typeof width === 'number' && typeof height === 'number' ? [['Size', `${width} × ${height} px`]] : []
  const others = Object.entries(facts).filter(([name, value]) => !hiddenFacts.includes(name) && value !== null)
  return [...size, ...others.map(([name, value]): [string, string] => [titleOf(name), factText(name, value)])]
}

const titleOf = (name: string): string => {
  const words = name.replace(/_(ms|seconds)$/, '').replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function factText(name: string, value: Fact): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'number') return String(value)
  if (name.endsWith('_ms')) return durationText(value)
  if (name.endsWith('_seconds')) return durationText(value * 1000)
  if (name.endsWith('bytes')) return bytesText(value)
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}

/** Bytes per second over the last seconds, of a number of sent bytes that is reported now and then. */
export class Rate {
  static readonly windowMs = 4000
  /** What an earlier run has sent is reported at once at the beginning. */
  static readonly ignoredMs = 250
  readonly #reports: { at: number; bytes: number }[] = []
  readonly #startedAt: number

  constructor(startedAt: number) {
    this.#startedAt = startedAt
  }

  report(at: number, bytes: number): void {
    const first = this.#reports[0]
    // also when a repeated request begins anew
    if (at - this.#startedAt < Rate.ignoredMs || (first !== undefined && bytes < first.bytes)) this.#reports.length = 0
    this.#reports.push({ at, bytes })
    while (this.#reports.length > 2 && at - (this.#reports[0]?.at ?? at) > Rate.windowMs) this.#reports.shift()
  }

  /** @returns null as long as it is not known */
  bytesPerSecond(): number | null {
    const [first, last] = [this.#reports.at(0), this.#reports.at(-1)]
    if (first === undefined || last === undefined || last.at - first.at < 300) return null
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }
}
