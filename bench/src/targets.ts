import type { Measurement } from './results.ts'

/** Where a value stands in the results. */
interface Place {
  readonly measurement: string
  readonly row: string
  readonly value: string
}

/** A value of Airlock, by itself or divided by that of a peer in the same run, and what it must be. */
interface Target {
  readonly title: string
  readonly of: Place
  readonly by?: Place
  readonly unit?: string
  /** What we want (issue 16). */
  readonly target: { readonly atMost: number } | { readonly atLeast: number }
  /**
   * The limit of `--check`, for what a busy machine changes little: CPU time and memory. It has a margin over what was measured when it was set, because
   * ratios differ from run to run; docs/performance.md has the values.
   */
  readonly guard?: number
}

const airlock = (measurement: string, value: string) => ({ measurement, row: 'Airlock', value })
const multer = (measurement: string, value: string) => ({ measurement, row: 'multer-s3', value })

/** Airlock's value divided by that of multer-s3. */
const ratio = (measurement: string, value: string) => ({ of: airlock(measurement, value), by: multer(measurement, value) })

const targets: readonly Target[] = [
  { title: '200 MiB: MiB/s ÷ multer-s3', ...ratio('200 MiB', 'MiB/s'), target: { atLeast: 1.6 } },
  { title: '200 MiB: CPU per MiB ÷ multer-s3', ...ratio('200 MiB', 'CPU ms per MiB'), target: { atMost: 0.55 }, guard: 1 },
  { title: '200 MiB: peak RSS', of: airlock('200 MiB', 'peak RSS, MiB'), unit: 'MiB', target: { atMost: 220 }, guard: 320 },
  { title: '1 MiB: files/s ÷ multer-s3', ...ratio('1 MiB', 'files/s'), target: { atLeast: 1 } },
  { title: '1 MiB: CPU per file ÷ multer-s3', ...ratio('1 MiB', 'CPU ms per file'), target: { atMost: 0.9 }, guard: 1.9 },
  { title: '64 KiB: files/s ÷ multer-s3', ...ratio('64 KiB', 'files/s'), target: { atLeast: 0.8 } },
  { title: '64 KiB: CPU per file ÷ multer-s3', ...ratio('64 KiB', 'CPU ms per file'), target: { atMost: 1.2 }, guard: 3 },
]

/** A target with what was measured. */
export interface Outcome extends Target {
  readonly measured: number
  readonly met: boolean
  /** Null without a guard. */
  readonly kept: boolean | null
}

/** @returns those targets whose values were measured */
export function outcomes(measurements: readonly Measurement[]): Outcome[] {
  const valueAt = ({ measurement, row, value }: Place) =>
    measurements.find(({ title }) => title === measurement)?.rows.find(({ name }) => name === row)?.values[value]?.median
  return targets.flatMap((target) => {
    const of = valueAt(target.of)
    const by = target.by === undefined ? 1 : valueAt(target.by)
    if (of === undefined || by === undefined) return []
    const measured = of / by
    const within = (limit: number) => ('atMost' in target.target ? measured <= limit : measured >= limit)
    const wanted = 'atMost' in target.target ? target.target.atMost : target.target.atLeast
    return [{ ...target, measured, met: within(wanted), kept: target.guard === undefined ? null : within(target.guard) }]
  })
}
