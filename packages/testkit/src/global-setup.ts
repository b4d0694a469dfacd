import { randomUUID } from 'node:crypto'
import { startStack } from '@airlock/dev-servers'
import type { TestProject } from 'vitest/node'
import { dropTemplates } from './isolated-database.ts'
import type {} from './test-stack.ts'

/** Starts one set of servers for all test files of a run, and stops it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ ephemeral: true, say: (line) => process.stderr.write(`${line}\n`) })
  const postgres = { ...stack.postgres, templatePrefix: `airlock_template_${randomUUID().slice(0, 8)}` }
  project.provide('stack', { postgres, redis: stack.redis, s3: stack.s3 })
  return async () => {
    await dropTemplates(postgres).finally(() => stack.stop())
  }
}
