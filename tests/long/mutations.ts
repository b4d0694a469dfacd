import { proveAll } from './check.ts'
import { lastLineOf } from './program.ts'
import type { LongStep } from './step.ts'

/** Twenty thousand mutated good files; the unit tests of inspection run a part of them. */
export const mutations: LongStep = {
  name: 'mutations',
  about: 'inspects 20 000 damaged files: a quick verdict for each, with constant memory',
  run: (context) =>
    proveAll(
      [
        {
          what: 'each of 20 000 damaged files gets a verdict, and none that no decoder opens passes',
          // the last line of the run: numbers of files and of passed ones, and the slowest
          prove: (subject) => lastLineOf(['packages/inspection/test/long/mutations.ts'], subject),
        },
      ],
      context,
      context,
    ),
}
