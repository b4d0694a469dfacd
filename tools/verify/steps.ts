/** A step of `npm test`. */
export interface Step {
  readonly name: string
  /** Run one after the other until one fails. */
  readonly commands: readonly (readonly string[])[]
  /** Timeout, after which the step has failed. */
  readonly timeoutMs: number
}

const minutes = 60_000

/** Checks before the tests. Each runs regardless of the previous results. */
export const checks: readonly Step[] = [
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
 * Unit and integration tests in one run, because coverage is measured over both. The slow ones belong to `npm run test:long`.
 *
 * @param reportFile for Vitest's report
 * @param args further arguments for Vitest; with any, coverage is not measured, because a part of the tests can't reach the thresholds
 */
export const testsStep = (reportFile: string, args: readonly string[]): Step => ({
  name: 'tests',
  commands: [
    [
      'vitest',
      'run',
      ...(args.length === 0 ? ['--coverage', '--project=!slow'] : args),
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`],
    ],
  ],
  timeoutMs: 25 * minutes,
})
