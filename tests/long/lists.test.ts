import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { privateServer } from '@airlock/testkit'
import { test } from 'vitest'
import { root } from '../npm-start.ts'

/** `npm test` checks the query plans; durations can't be measured next to other tests. A busy machine gets more, see `measurePages`. */
test.for(['assets', 'uploads'])('every page of 1.3 million %s takes less than 10 ms at p99', async (rows, { annotate }) => {
  const server = await privateServer('postgres')
  try {
    const env = { ...process.env, DATABASE_URL: server.address.url }
    const args = [join(root, `packages/database/bench/list-${rows}.ts`), '--within', '10']
    await annotate((await promisify(execFile)(process.execPath, args, { env })).stdout)
  } finally {
    await server.drop()
  }
})
