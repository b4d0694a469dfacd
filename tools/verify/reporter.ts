import type { Reporter, TestCase, TestModule } from 'vitest/node'
import type { Row } from './summary.ts'

/** Sends a row for each project of a Vitest run to the parent process, `npm test`. */
export default class RowsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    process.send?.(projectRows(modules))
  }
}

export function projectRows(modules: readonly TestModule[]): Row[] {
  return [...Map.groupBy(modules, ({ project }) => project.name)].map(([name, files]) => projectRow(name, files))
}

/** A file that fails before its first test counts as one failed test, because its tests are unknown. */
function projectRow(name: string, files: readonly TestModule[]): Row {
  let [passed, failed, skipped] = [0, 0, 0]
  const retried: string[] = []
  for (const file of files) {
    const tests = Map.groupBy(file.children.allTests(), (test) => test.result().state)
    const good = tests.get('passed') ?? []
    const bad = tests.get('failed')?.length ?? 0
    passed += good.length
    failed += file.state() === 'failed' ? Math.max(bad, 1) : bad
    skipped += (tests.get('skipped')?.length ?? 0) + (tests.get('pending')?.length ?? 0)
    retried.push(...good.filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0).map(firstFailure))
  }
  const counts = { passed, failed, skipped, 'at a second attempt': retried.length }
  const remark = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? `${count} ${what}` : []))
  return { name, remark: remark.join(', '), passed, failed, retried }
}

const firstFailure = (test: TestCase): string => `${test.fullName}: ${test.result().errors?.[0]?.message.split('\n')[0]}`
