import { proveAll } from './check.ts'
import { lastLineOf } from './program.ts'
import type { LongStep } from './step.ts'

/** Twenty thousand good files with something done to them; the tests of inspection have a thousand of them. */
export const mutations: LongStep = {
  name: 'mutations',
  about: 'inspects 20 000 damaged files: a verdict for each, soon, without growing',
  run: (context) =>
    proveAll(
      [
        {
          what: 'each of 20 000 damaged files gets a verdict, and none that no decoder opens passes',
          // what the run says at its end: how many there were, how many passed, how long the slowest took
          prove: (subject) => lastLineOf(['packages/inspection/test/long/mutations.ts'], subject),
        },
      ],
      context,
      context,
    ),
}
