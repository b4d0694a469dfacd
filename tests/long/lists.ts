import { startServer } from '@airlock/dev-servers'
import { proveAll } from './check.ts'
import { lastLineOf } from './program.ts'
import type { LongStep, StepContext } from './step.ts'

/** The longest that a page may take at p99, in ms; a machine that is busy with other things gets more, see `measurePages`. */
const limitMs = 10

/** Pages of a large table. `npm test` asks the planner which way it takes to them; how long that is, it can't measure beside other tests. */
export const lists: LongStep = {
  name: 'lists',
  about: `asks for pages of 1.3 million assets and of as many uploads, three quarters of them one user's: ${limitMs} ms at p99`,
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

/** @returns which question took longest */
async function slowestPage(rows: string, context: StepContext): Promise<string> {
  const server = await startServer('postgres', context)
  try {
    const env = { ...context.env, DATABASE_URL: server.address.url }
    return await lastLineOf([`packages/database/bench/list-${rows}.ts`, '--within', String(limitMs)], { ...context, env })
  } finally {
    await server.stopForGood()
  }
}
