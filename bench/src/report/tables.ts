import type { Measurement } from '../results.ts'
import type { Summary } from '../statistics.ts'
import type { Outcome } from '../targets.ts'

/** Tables for a terminal of 80 columns. */

const leastNameWidth = 24
const cellWidth = 11

/** A measurement: a line for each row, and for each value its median and half of the distance between the lowest and the highest round. */
export function measurementTable({ rows }: Measurement): string {
  const values = [...new Set(rows.flatMap((row) => Object.keys(row.values)))]
  // A name such as `peak RSS, MiB` stands in two lines.
  const heads = values.map((name) => headOf(name))
  const nameWidth = Math.max(leastNameWidth, ...rows.map(({ name }) => name.length))
  const lines = [0, 1].map((line) => ' '.repeat(nameWidth) + heads.map((head) => (head[line] ?? '').padStart(cellWidth)).join(''))
  const body = rows.map((row) => row.name.padEnd(nameWidth) + values.map((name) => cellOf(row.values[name]).padStart(cellWidth)).join(''))
  return [...lines, ...body].map((line) => line.trimEnd()).join('\n')
}

const headOf = (name: string): [string, string] => {
  const [, first = name, second = ''] = /^(.*?)(?:, | (?=per ))(.*)$/.exec(name) ?? []
  return [first, second]
}

const cellOf = (summary: Summary | undefined): string => {
  if (summary === undefined) return '–'
  const spread = Math.round(((summary.max - summary.min) / 2 / Math.abs(summary.median)) * 100)
  return `${cellNumber(summary.median)} ±${Number.isFinite(spread) ? spread : 0}%`
}

/** As `short`, but never longer than five characters, so that cells do not touch. */
const cellNumber = (value: number): string => (value >= 10_000 ? `${(value / 1000).toFixed(1)}k` : short(value))

/** A number with three digits that matter. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

/** What was wanted, what was measured, and the limit of `--check`. */
export function targetTable(rows: readonly Outcome[]): string {
  const lines = rows.map(({ title, measured, unit, target, guard, met, kept }) => {
    const wanted = 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`
    const limit = guard === undefined ? '' : `${'atMost' in target ? '≤' : '≥'} ${guard}`
    const verdict = kept === false ? 'BROKEN' : met ? 'met' : 'not met'
    return (
      title.padEnd(42) +
      `${short(measured)}${unit === undefined ? '' : ` ${unit}`}`.padStart(11) +
      wanted.padStart(8) +
      limit.padStart(8) +
      verdict.padStart(9)
    )
  })
  return [`${'Targets'.padEnd(42)}${'measured'.padStart(11)}${'target'.padStart(8)}${'guard'.padStart(8)}`, ...lines].join('\n')
}
