/** `npm test` after the installation, see bin/test.mjs. Arguments other than --all are passed to Vitest, and then only tests run. */
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

/** With --all, as in CI: also the tests in test/ci, and coverage over all of them. It takes a third more time. `npm run test:long` runs those in test/slow. */
const all = ['--project=!slow', '--coverage']
const most = ['--project=!slow', '--project=!ci']

/** @param args for Vitest, in place of the projects */
const testsStep = (args: readonly string[]): Step => ({
  name: 'tests',
  commands: [[...['vitest', 'run', '--reporter=default', '--reporter=./tools/verify/reporter.ts'], ...args]],
  timeoutMs: 25 * minutes,
})

/** With --all, after the tests: guards of CPU time and memory, beside a peer in the same run. */
const benchStep: Step = {
  name: 'bench',
  commands: [['npm', 'run', '--silent', 'bench', '--', '--quick', '--check']],
  timeoutMs: 5 * minutes,
}

process.exit(await verify(process.argv.slice(2), stopSignal()))

async function verify(args: readonly string[], stop: AbortSignal): Promise<number> {
  const rows: Row[] = []
  const isAll = args.join() === '--all'
  const whole = args.length === 0 ? most : isAll ? all : null
  for (const check of whole ? checks : []) {
    say(`\n── ${check.name}`)
    rows.push(checkRow(check.name, await runStep(check, { root, stop })))
  }
  say('\n── tests')
  let projects: Row[] | null = null
  const onMessage = (message: unknown) => {
    projects = message as Row[]
  }
  const { ok } = await runStep(testsStep(whole ?? args), { root, stop, onMessage })
  rows.push(...testRows(projects, ok))
  if (isAll) {
    say('\n── bench')
    rows.push(checkRow(benchStep.name, await runStep(benchStep, { root, stop })))
  }
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
