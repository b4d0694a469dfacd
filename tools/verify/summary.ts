import type { StepResult } from './run-step.ts'
import type { Counts, Project } from './test-counts.ts'

/** A line of the summary, and its counts. */
export interface Row {
  readonly name: string
  readonly verdict: 'ok' | 'failed' | 'not measured'
  readonly ms?: number
  readonly remark?: string
  /** Tests that passed at their second try. They are listed, so that retries do not hide them. */
  readonly unsteady?: readonly string[]
  readonly passed: number
  readonly failed: number
}

/** A failed check counts as one failed test; a passed one is not counted. */
export const checkRow = (name: string, { ok, ms }: Pick<StepResult, 'ok' | 'ms'>): Row => ({
  name,
  verdict: ok ? 'ok' : 'failed',
  ms,
  passed: 0,
  failed: ok ? 0 : 1,
})

const projectRow = (name: Project, { passed, failed, skipped, unsteady, ms }: Counts): Row => ({
  name,
  verdict: failed === 0 ? 'ok' : 'failed',
  ms,
  remark: [
    `${passed} passed`,
    failed > 0 && `${failed} failed`,
    skipped > 0 && `${skipped} skipped`,
    unsteady.length > 0 && `${unsteady.length} at the second try`,
  ]
    .filter(Boolean)
    .join(', '),
  unsteady,
  passed,
  failed,
})

/**
 * The rows of a Vitest run.
 *
 * @param counts of its report; null if there is none
 * @param withCoverage whether coverage was measured
 */
export function testRows(
  { ok, ms, complaints }: StepResult,
  counts: Partial<Record<Project, Counts>> | null,
  withCoverage: boolean,
): Row[] {
  if (counts === null) return [{ ...checkRow('tests', { ok: false, ms }), remark: 'ended without a report' }]
  const rows = Object.entries(counts).map(([name, count]) => projectRow(name as Project, count))
  const testsFailed = rows.some(({ failed }) => failed > 0)
  const uncovered = complaints.includes('does not meet')
  if (withCoverage) rows.push(coverageRow(testsFailed, uncovered))
  // Vitest can fail in addition to its tests: an unhandled error, a server that did not start
  if (!ok && !testsFailed && !uncovered)
    rows.push({ ...checkRow('vitest', { ok: false, ms }), remark: 'failed outside of the tests, see above' })
  return rows
}

function coverageRow(testsFailed: boolean, uncovered: boolean): Row {
  const name = 'coverage'
  if (uncovered) return { name, verdict: 'failed', remark: 'below a floor, see above', passed: 0, failed: 1 }
  if (testsFailed) return { name, verdict: 'not measured', remark: 'since tests failed', passed: 0, failed: 0 }
  return { name, verdict: 'ok', passed: 0, failed: 0 }
}

/** The printed summary. Scripts read its last line: `N passed, N failed`. */
export function summary(rows: readonly Row[]): string {
  const total = rows.reduce((sum, row) => ({ passed: sum.passed + row.passed, failed: sum.failed + row.failed }), { passed: 0, failed: 0 })
  const lines = rows.map(({ name, verdict, ms, remark = '' }) => {
    const seconds = ms === undefined ? '' : `${(ms / 1000).toFixed(1)} s`
    return `${name.padEnd(12)} ${verdict.padEnd(12)} ${seconds.padStart(8)}  ${remark}`.trimEnd()
  })
  const unsteady = rows.flatMap((row) => row.unsteady ?? []).map((test) => `at the second try: ${test}`)
  return ['', ...lines, '', ...unsteady, `${total.passed} passed, ${total.failed} failed`].join('\n')
}

export const hasFailed = (rows: readonly Row[]): boolean => rows.some(({ failed }) => failed > 0)
