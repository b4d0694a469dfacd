import { startStack } from '@airlock/dev-servers'
import type { TestProject } from 'vitest/node'
import { migratedTemplate } from './isolated-database.ts'
import type {} from './test-stack.ts'

/** Starts one set of servers for all test files of a run, and stops it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ ephemeral: true, say: (line) => process.stderr.write(`${line}\n`) })
  const template = await migratedTemplate(stack.postgres.url)
  project.provide('stack', { postgres: { ...stack.postgres, template: template.name }, redis: stack.redis, s3: stack.s3 })
  return async () => {
    await template.drop().finally(() => stack.stop())
  }
}
