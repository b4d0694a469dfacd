/** `npm test` after the installation, see bin/test.mjs. Arguments are passed to Vitest, and then only tests run. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runStep } from './run-step.ts'
import { checks, testsStep } from './steps.ts'
import { checkRow, hasFailed, type Row, summary, testRows } from './summary.ts'
import { countTests, type VitestReport } from './test-counts.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

process.exit(await verify(process.argv.slice(2), stopSignal()))

async function verify(args: readonly string[], stop: AbortSignal): Promise<number> {
  const rows: Row[] = []
  for (const check of args.length === 0 ? checks : []) {
    say(`\n── ${check.name}`)
    rows.push(checkRow(check.name, await runStep(check, { root, stop })))
  }
  rows.push(...(await runTests(args, stop)))
  if (stop.aborted) {
    say('\nStopped.')
    return 128 + constants.signals[stop.reason as NodeJS.Signals]
  }
  say(summary(rows))
  return hasFailed(rows) ? 1 : 0
}

async function runTests(args: readonly string[], stop: AbortSignal): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-report-'))
  const reportFile = join(folder, 'vitest.json')
  try {
    say('\n── tests')
    const result = await runStep(testsStep(reportFile, args), { root, stop })
    const report = readReport(reportFile)
    return testRows(result, report && countTests(report, root), args.length === 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(file: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport
  } catch {
    return null // reported in the summary
  }
}

/** Aborts at Ctrl-C, SIGTERM and SIGHUP, and when the parent process has ended: standard input is a pipe from it. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort(signal))
  process.stdin.on('end', () => controller.abort('SIGHUP')).resume()
  return controller.signal
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
