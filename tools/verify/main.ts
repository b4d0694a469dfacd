/** `npm test` after the installation, see bin/test.mjs. Arguments are passed to Vitest, and then only tests run. */
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runStep, type Step, stopSignal } from './step.ts'
import { checkRow, hasFailed, type Row, summary, testRows } from './summary.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const minutes = 60_000

/** Checks before the tests. Each runs regardless of the previous results. */
const checks: readonly Step[] = [
  {
    name: 'lint',
    commands: [
      ['biome', 'check', '.'],
      ['knip', '--no-progress'],
    ],
    timeoutMs: 3 * minutes,
  },
  {
    name: 'types',
    commands: [
      ['tsc', '-b'],
      ['tsc', '-p', 'tsconfig.test.json'],
    ],
    timeoutMs: 5 * minutes,
  },
]

/**
 * Unit and integration tests in one run, because coverage is measured over both. CI also runs those in test/ci, and `npm run test:long` those in test/slow.
 *
 * Coverage is measured in CI alone, because it takes a third more time.
 *
 * @param args for Vitest; with any, coverage is not measured, because a part of the tests can't reach the thresholds
 */
const testsStep = (args: readonly string[]): Step => ({
  name: 'tests',
  commands: [
    [
      ...['vitest', 'run', '--reporter=default', '--reporter=./tools/verify/reporter.ts'],
      ...(args.length === 0 ? ['--project=!ci', '--project=!slow', ...(process.env.CI ? ['--coverage'] : [])] : args),
    ],
  ],
  timeoutMs: 25 * minutes,
})

process.exit(await verify(process.argv.slice(2), stopSignal()))

async function verify(args: readonly string[], stop: AbortSignal): Promise<number> {
  const rows: Row[] = []
  for (const check of args.length === 0 ? checks : []) {
    say(`\n── ${check.name}`)
    rows.push(checkRow(check.name, await runStep(check, { root, stop })))
  }
  say('\n── tests')
  let projects: Row[] | null = null
  const onMessage = (message: unknown) => {
    projects = message as Row[]
  }
  const { ok } = await runStep(testsStep(args), { root, stop, onMessage })
  rows.push(...testRows(projects, ok))
  if (stop.aborted) {
    say('\nStopped.')
    return 128 + constants.signals[stop.reason as NodeJS.Signals]
  }
  say(summary(rows))
  return hasFailed(rows) ? 1 : 0
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
