import { startServer } from '@airlock/dev-servers'
import { proveAll } from './check.ts'
import { lastLineOf } from './program.ts'
import type { LongStep, StepContext } from './step.ts'

/** Maximum p99 of a page, in ms; a busy machine gets more, see `measurePages`. */
const limitMs = 10

/** Pages of a large table. `npm test` checks the query plans; durations can't be measured next to other tests. */
export const lists: LongStep = {
  name: 'lists',
  about: `pages of 1.3 million assets and as many uploads, three quarters of them one user's: ${limitMs} ms at p99`,
  run: (context) =>
    proveAll(
      ['assets', 'uploads'].map((rows) => ({
        what: `every page of 1.3 million ${rows} takes less than ${limitMs} ms at p99`,
        prove: () => slowestPage(rows, context),
      })),
      context,
      context,
    ),
}

/** @returns the slowest query */
async function slowestPage(rows: string, context: StepContext): Promise<string> {
  const server = await startServer('postgres', context)
  try {
    const env = { ...context.env, DATABASE_URL: server.address.url }
    return await lastLineOf([`packages/database/bench/list-${rows}.ts`, '--within', String(limitMs)], { ...context, env })
  } finally {
    await server.stopForGood()
  }
}
