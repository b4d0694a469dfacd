import { runStep } from '../../tools/verify/run-step.ts'
import type { LongStep } from './step.ts'

/** The Vitest project of this name: many uploads, and processes that are frozen, killed and restarted. */
export const slow: LongStep = {
  name: 'slow',
  about: 'runs the tests in test/slow: many uploads, frozen servers, restarted processes',
  run: async ({ root, stop }) => {
    const step = { name: 'slow', commands: [['vitest', 'run', '--project=slow']], timeoutMs: 30 * 60_000 }
    const { ok, ms } = await runStep(step, { root, stop })
    return [{ what: 'the tests in test/slow', verdict: ok ? 'ok' : 'failed', ms, remark: '' }]
  },
}
