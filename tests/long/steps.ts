import { startServer } from '@airlock/dev-servers'
import { runStep } from '../../tools/verify/run-step.ts'
import { inFolder, installPackages, type LongStep, lastLineOf, proveAll, type StepContext, skipped } from './check.ts'
import { containerWalk } from './containers/walk.ts'
import { contract } from './contract.ts'
import { guardWalk } from './guards/walk.ts'
import { pipelineDoor } from './pipeline.ts'
import { sixtyUploads } from './sixty-uploads/step.ts'

/** The Vitest project of this name: many uploads, and processes that are frozen, killed and restarted. */
const slow: LongStep = {
  name: 'slow',
  about: 'runs the tests in test/slow: many uploads, frozen servers, restarted processes',
  run: async ({ root, stop }) => {
    const step = { name: 'slow', commands: [['vitest', 'run', '--project=slow']], timeoutMs: 30 * 60_000 }
    const { ok, ms } = await runStep(step, { root, stop })
    return [{ what: 'the tests in test/slow', verdict: ok ? 'ok' : 'failed', ms, remark: '' }]
  },
}

/** A step that is a program of the inspection's tests; its last line is what it has measured. */
const inspectionStep = (name: string, { about, what }: { about: string; what: string }): LongStep => ({
  name,
  about,
  run: (context) => proveAll([{ what, prove: () => lastLineOf([`packages/inspection/test/long/${name}.ts`], context) }], context, context),
})

/** Installed only for this run, without its optional native and Java programs of 50 MB. */
const recheck = { recheck: '4.5.0' }

/** Analyses each pattern statically; `patterns.test.ts` measures them. */
const patterns: LongStep = {
  name: 'patterns',
  about: 'checks every regular expression of apps and packages with the ReDoS checker recheck',
  run: (context) =>
    inFolder('recheck', async (folder) => {
      const what = 'no pattern that sees input of others is vulnerable, says recheck'
      try {
        await installPackages(recheck, folder, context.stop)
      } catch (error) {
        return [skipped(what, `recheck can't be installed: ${String(error).slice(0, 300)}`)]
      }
      const prove = () => lastLineOf(['packages/inspection/test/long/patterns.ts', folder], context)
      return proveAll([{ what, prove }], context, context)
    }),
}

/** Maximum p99 of a page, in ms; a busy machine gets more, see `measurePages`. */
const pageMs = 10

/** Pages of a large table. `npm test` checks the query plans; durations can't be measured next to other tests. */
const lists: LongStep = {
  name: 'lists',
  about: `pages of 1.3 million assets and as many uploads, three quarters of them one user's: ${pageMs} ms at p99`,
  run: (context) => {
    const checks = ['assets', 'uploads'].map((rows) => ({
      what: `every page of 1.3 million ${rows} takes less than ${pageMs} ms at p99`,
      prove: () => slowestPage(rows, context),
    }))
    return proveAll(checks, context, context)
  },
}

/** @returns the slowest query */
async function slowestPage(rows: string, context: StepContext): Promise<string> {
  const server = await startServer('postgres', context)
  try {
    const env = { ...context.env, DATABASE_URL: server.address.url }
    return await lastLineOf([`packages/database/bench/list-${rows}.ts`, '--within', String(pageMs)], { ...context, env })
  } finally {
    await server.stopForGood()
  }
}

/** The steps that take too long for `npm test`, in order. */
export const steps: readonly LongStep[] = [
  slow,
  inspectionStep('mutations', {
    about: 'inspects 20 000 damaged files: a quick verdict for each, with constant memory',
    what: 'each of 20 000 damaged files gets a verdict, and none that no decoder opens passes',
  }),
  inspectionStep('archive-cost', {
    about: 'inspects an archive of 1000 photos in less than 1.3 times the duration of decoding them',
    what: 'a training set of 1000 photos takes less than 1.3 times their decoding',
  }),
  patterns,
  lists,
  contract,
  pipelineDoor,
  sixtyUploads,
  guardWalk,
  containerWalk,
]
