import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { privateServer } from '@airlock/testkit'
import { type TestContext, test } from 'vitest'
import { root } from '../npm-start.ts'

/** `npm test` checks the query plans; durations can't be measured next to other tests. A busy machine gets more, see `measurePages`. */
test.for(['assets', 'uploads'])('every page of 1.3 million %s takes less than 10 ms at p99', (rows, context) =>
  measure(`list-${rows}`, ['--within', '10'], context),
)

test('the work of all lanes is counted in less than 50 ms at p99, with a million ended and 100 000 waiting uploads', (context) =>
  measure('lane-load', ['--within', '50', '--pages', '200', '--explain'], context))

/** Runs a program on a server of its own. */
async function measure(bench: string, options: string[], { annotate }: TestContext): Promise<void> {
  const server = await privateServer('postgres')
  try {
    const env = { ...process.env, DATABASE_URL: server.address.url }
    const args = [join(root, `packages/database/bench/${bench}.ts`), ...options]
    await annotate((await promisify(execFile)(process.execPath, args, { env })).stdout)
  } finally {
    await server.drop()
  }
}
