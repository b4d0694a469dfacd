import { type Summary, summaryOf } from './statistics.ts'

/** The values of one round by name, which has their unit. */
export type Values = Readonly<Record<string, number>>

interface MeasuredRow {
  /** A contestant, a process, or what was measured of Airlock. */
  readonly name: string
  readonly values: Readonly<Record<string, Summary>>
}

export interface Measurement {
  readonly title: string
  readonly rows: readonly MeasuredRow[]
}

/** The values of one round, by the name of the row. */
export type Round = Readonly<Record<string, Values>>

/** @param rounds at least one; all have the same rows and values */
export function measurementOf(title: string, rounds: readonly Round[]): Measurement {
  const summary = (row: string, value: string) => summaryOf(rounds.map((round) => round[row]?.[value] ?? Number.NaN))
  const rows = Object.entries(rounds[0] ?? {}).map(([name, values]) => ({
    name,
    values: Object.fromEntries(Object.keys(values).map((value) => [value, summary(name, value)])),
  }))
  return { title, rows }
}
