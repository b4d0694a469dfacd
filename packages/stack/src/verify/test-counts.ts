import { relative, sep } from 'node:path'

/** What became of the tests of one project. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
  /** From the first test's start to the last one's end. */
  ms: number
}

export type Project = 'unit' | 'integration'

/** What is read of Vitest's JSON report. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/**
 * Counts tests by project. A file that broke before its first test counts as one that failed: its tests are not known,
 * and nothing must be left out of the sum that went wrong.
 */
export function countTests({ testResults }: VitestReport, root: string): Partial<Record<Project, Counts>> {
  const counts: Partial<Record<Project, Counts>> = {}
  for (const project of ['unit', 'integration'] as const) {
    const files = testResults.filter(({ name }) => relative(root, name).split(sep).includes(project))
    if (files.length > 0) counts[project] = countFiles(files)
  }
  return counts
}

function countFiles(files: VitestReport['testResults']): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0, ms: 0 }
  for (const { status, assertionResults } of files) {
    const failed = assertionResults.filter((test) => test.status === 'failed').length
    const passed = assertionResults.filter((test) => test.status === 'passed').length
    counts.passed += passed
    counts.failed += status === 'failed' ? Math.max(failed, 1) : failed
    counts.skipped += assertionResults.length - failed - passed
  }
  counts.ms = Math.max(...files.map(({ endTime }) => endTime)) - Math.min(...files.map(({ startTime }) => startTime))
  return counts
}
