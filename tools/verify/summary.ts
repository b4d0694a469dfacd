/** A line of the summary of `npm test`, and its counts. */
export interface Row {
  readonly name: string
  readonly remark: string
  readonly passed: number
  readonly failed: number
  /** Tests that passed at a second attempt. They are listed, so that retries do not hide them. */
  readonly retried?: readonly string[]
}

/** A failed check counts as one failed test; a passed one is not counted. */
export const checkRow = (name: string, { ok, ms }: { ok: boolean; ms: number }): Row => ({
  name,
  remark: `${(ms / 1000).toFixed(1)} s`,
  passed: 0,
  failed: ok ? 0 : 1,
})

/**
 * The rows of a run of Vitest.
 *
 * @param rows of its projects, from the reporter; null if it ended before it reported them
 * @param ok whether its exit code was 0
 */
export function testRows(rows: readonly Row[] | null, ok: boolean): readonly Row[] {
  if (rows === null) return [{ name: 'tests', remark: 'ended without a report', passed: 0, failed: 1 }]
  if (ok || hasFailed(rows)) return rows
  const remark = 'coverage is below a floor, or there was an error outside of the tests, see above'
  return [...rows, { name: 'vitest', remark, passed: 0, failed: 1 }]
}

/** The printed summary. Scripts read its last line: `N passed, N failed`. */
export function summary(rows: readonly Row[]): string {
  const sum = (count: 'passed' | 'failed') => rows.reduce((total, row) => total + row[count], 0)
  const lines = rows.map(({ name, remark, failed }) => `${name.padEnd(12)} ${(failed === 0 ? 'ok' : 'failed').padEnd(7)} ${remark}`)
  const retried = rows.flatMap((row) => row.retried ?? []).map((test) => `passed at a second attempt: ${test}`)
  return ['', ...lines, '', ...retried, `${sum('passed')} passed, ${sum('failed')} failed`].join('\n')
}

export const hasFailed = (rows: readonly Row[]): boolean => rows.some(({ failed }) => failed > 0)
