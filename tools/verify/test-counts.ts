import { relative, sep } from 'node:path'

/** The results of a project's tests. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
  /** Tests that passed after a retry, with the first line of their first error. */
  unsteady: string[]
  /** From the first test's start to the last one's end. */
  ms: number
}

const projects = ['unit', 'integration', 'slow'] as const
export type Project = (typeof projects)[number]

/** The used part of Vitest's JSON report. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: readonly TestReport[]
  }[]
}

interface TestReport {
  readonly status: string
  readonly fullName: string
  /** Of every try, even if the test finally passed. */
  readonly failureMessages: readonly string[]
}

/**
 * Counts tests by project. A file that fails before its first test counts as one failed test, because its tests are unknown.
 */
export function countTests({ testResults }: VitestReport, root: string): Partial<Record<Project, Counts>> {
  const counts: Partial<Record<Project, Counts>> = {}
  for (const project of projects) {
    const files = testResults.filter(({ name }) => relative(root, name).split(sep).includes(project))
    if (files.length > 0) counts[project] = countFiles(files)
  }
  return counts
}

function countFiles(files: VitestReport['testResults']): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, unsteady: [], ms: 0 }
  for (const { status, assertionResults } of files) {
    const failed = assertionResults.filter((test) => test.status === 'failed').length
    const passed = assertionResults.filter((test) => test.status === 'passed')
    counts.passed += passed.length
    counts.failed += status === 'failed' ? Math.max(failed, 1) : failed
    counts.skipped += assertionResults.length - failed - passed.length
    counts.unsteady.push(...passed.filter(({ failureMessages }) => failureMessages.length > 0).map(firstFailure))
  }
  counts.ms = Math.max(...files.map(({ endTime }) => endTime)) - Math.min(...files.map(({ startTime }) => startTime))
  return counts
}

const firstFailure = ({ fullName, failureMessages }: TestReport): string => `${fullName}: ${failureMessages[0]?.split('\n')[0]}`
