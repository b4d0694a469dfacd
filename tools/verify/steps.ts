/** One thing that `npm test` proves. */
export interface Step {
  readonly name: string
  /** Run one after the other until one fails. */
  readonly commands: readonly (readonly string[])[]
  /** After this the step is ended, and has failed. */
  readonly timeoutMs: number
}

const minutes = 60_000

/** What is looked at before any test runs. Each is run whatever became of the one before. */
export const checks: readonly Step[] = [
  { name: 'lint', commands: [['biome', 'check', '.']], timeoutMs: 2 * minutes },
  {
    name: 'types',
    commands: [
      ['tsc', '-b'],
      ['tsc', '-p', 'tsconfig.test.json'],
    ],
    timeoutMs: 5 * minutes,
  },
  { name: 'imports', commands: [['node', 'tools/checks/imports.ts']], timeoutMs: 1 * minutes },
]

/**
 * Unit and integration tests in one run, since coverage counts over both. The slow ones belong to `npm run test:long`.
 *
 * @param reportFile where Vitest puts its counts
 * @param args further arguments for Vitest; with some, coverage is left out, because a part of the tests can't reach the floors
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
