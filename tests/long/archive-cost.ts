import { proveAll } from './check.ts'
import { lastLineOf } from './program.ts'
import type { LongStep } from './step.ts'

/** Compares inspecting a training set with decoding its photos, in alternating rounds of one run. */
export const archiveCost: LongStep = {
  name: 'archive-cost',
  about: 'inspects an archive of 1000 photos in less than 1.3 times the duration of decoding them',
  run: (context) =>
    proveAll(
      [
        {
          what: 'a training set of 1000 photos takes less than 1.3 times their decoding',
          // the last line of the run: the ratios of wall-clock and CPU time
          prove: (subject) => lastLineOf(['packages/inspection/test/long/archive-cost.ts'], subject),
        },
      ],
      context,
      context,
    ),
}
