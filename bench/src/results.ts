import type { Summary } from './statistics.ts'

/** The values of one round by name, which has their unit. */
export type Values = Readonly<Record<string, number>>

interface MeasuredRow {
  /** A contestant, or what was measured of Airlock. */
  readonly name: string
  readonly values: Readonly<Record<string, Summary>>
}

export interface Measurement {
  readonly title: string
  readonly rows: readonly MeasuredRow[]
}
