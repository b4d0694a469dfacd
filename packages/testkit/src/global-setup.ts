import { startStack } from '@airlock/dev-servers'
import type { TestProject } from 'vitest/node'
import type {} from './test-stack.ts'

/** Brings up one set of servers for all test files of a run, and ends it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ ephemeral: true, say: (line) => process.stderr.write(`${line}\n`) })
  project.provide('stack', { postgres: stack.postgres, redis: stack.redis, s3: stack.s3 })
  return () => stack.stop()
}
