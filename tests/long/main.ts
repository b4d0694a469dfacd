/** `npm run test:long` after the installation, see tools/bin/test-long.mjs. */
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runStep, type Step, stopSignal } from '../../tools/verify/step.ts'

interface LongStep extends Step {
  /** One line for `--help`. */
  readonly about: string
}

/** The tests in `NAME.test.ts` beside this file. */
const tests = (name: string, about: string, hours = 1): LongStep => ({
  name,
  about,
  commands: [['vitest', 'run', '--config=tests/long/vitest.config.ts', `tests/long/${name}.test.ts`]],
  timeoutMs: hours * 3_600_000,
})

/** Programs that print what they measure; their exit code is not 0 if a value exceeds its limit. */
const programs = (name: string, about: string, ...commands: Step['commands']): LongStep => ({ name, about, commands, timeoutMs: 3_600_000 })

const inspection = (name: string, about: string): LongStep => programs(name, about, ['node', `packages/inspection/test/long/${name}.ts`])

const recheck = '.airlock/tools/recheck'

/** What takes too long for `npm test`, in order. */
const steps: readonly LongStep[] = [
  programs('slow', 'runs the tests in test/slow: many uploads, frozen servers, restarted processes', ['vitest', 'run', '--project=slow']),
  inspection('mutations', 'inspects 20 000 damaged files: a quick verdict for each, with constant memory'),
  inspection('signed-mutations', 'inspects 20 000 damaged files with content credentials: none of them is valid'),
  inspection('archive-cost', 'inspects an archive of 1000 photos in less than 1.3 times the duration of decoding them'),
  programs(
    'patterns',
    'checks every regular expression of apps and packages with the ReDoS checker recheck',
    // without its optional native and Java programs of 50 MB
    ['npm', 'install', '--prefix', recheck, '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', 'recheck@4.5.0'],
    ['node', 'packages/inspection/test/long/patterns.ts', recheck],
  ),
  tests(
    'lists',
    "pages of 1.3 million assets and as many uploads, three quarters of them one user's: 10 ms at p99; counts of all lanes: 50 ms",
  ),
  tests('contract', 'lints the OpenAPI document, tests the clients of three generators, and fuzzes a gateway for five minutes'),
  tests('pipeline', 'a thousand videos without a gateway, Redis emptied meanwhile; pictures while the queue of videos is full'),
  tests('sixty-uploads', '60 videos of 100 MiB at once to one gateway: none is aborted, however slow; needs 15 GB of disk temporarily'),
  tests('scaling', 'an autoscaler by the age of the oldest upload: 2,000 at once, no worker for a while, one worker and two'),
  programs('soak', 'pictures at 80 % load for half an hour: heap, memory and sockets stay flat; --minutes N', [
    'node',
    'bench/src/soak.ts',
  ]),
  tests('cost', 'prints what an upload costs: CPU time, statements, calls and bytes'),
  tests('drills', 'causes each alert on a local stack, and follows the runbook until it is over'),
  tests('upgrade', 'the previous release and this one process uploads on the schema of the other, and beside each other'),
  tests('images', 'installs what each image contains, and checks its list of packages (SBOM)'),
  tests('guards', 'removes guards of the invariants one by one: their tests must fail; -t ID selects guards by a regular expression', 4),
  tests('containers', 'docker-compose.yml with an engine: build, samples, three workers, a stop during work, removal'),
]

process.exit(await main(process.argv.slice(2)))

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    say(help())
    return 0
  }
  const firstOption = args.findIndex((arg) => arg.startsWith('-'))
  const [names, options] = firstOption === -1 ? [args, []] : [args.slice(0, firstOption), args.slice(firstOption)]
  const unknown = names.filter((arg) => steps.every(({ name }) => name !== arg))
  if (unknown.length > 0) {
    process.stderr.write(`Unknown step '${unknown[0]}'.\n\n${help()}\n`)
    return 2
  }
  const stop = stopSignal()
  const results: string[] = []
  let failed = 0
  for (const step of steps.filter(({ name }) => names.length === 0 || names.includes(name))) {
    say(`\n── ${step.name}`)
    const commands = step.commands.map((command, index) => (index === step.commands.length - 1 ? [...command, ...options] : command))
    const { ok, ms } = await runStep({ ...step, commands }, { root: fileURLToPath(new URL('../..', import.meta.url)), stop })
    if (stop.aborted) return 128 + constants.signals[stop.reason as NodeJS.Signals]
    results.push(`${ok ? '✓' : '✗'} ${step.name}  ${(ms / 1000).toFixed(1)} s`)
    if (!ok) failed += 1
  }
  say(['', ...results, `${results.length - failed} passed, ${failed} failed`].join('\n'))
  return failed === 0 ? 0 : 1
}

function help(): string {
  return [
    'Runs the checks that take too long for `npm test`.',
    '',
    'Usage: npm run test:long                         every step',
    '       npm run test:long -- NAME … [OPTION …]    only these steps; options are passed to their programs, most of them Vitest:',
    '',
    ...steps.map(({ name, about }) => `  ${name.padEnd(13)}  ${about}`),
    '',
    'Checks that this machine does not support are skipped with a reason. The exit code is 0 if nothing failed.',
  ].join('\n')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
