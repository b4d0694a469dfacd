import type { S3Address, S3Kind } from '@airlock/dev-servers'
import { inject } from 'vitest'

/** What a test file gets to know of the servers that the run brought up: plain data, since it crosses into another process. */
export interface TestStack {
  readonly postgres: { readonly url: string; readonly kind: string /** A migrated database, to copy. */; readonly template: string }
  readonly redis: { readonly url: string; readonly kind: string }
  readonly s3: S3Address & { readonly kind: S3Kind }
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: TestStack
  }
}

/** @returns the servers of this run. Take a database, a bucket or a prefix of your own from them: other files use them as well. */
export function givenStack(): TestStack {
  const stack = inject('stack')
  if (!stack) throw new Error('No servers here: tests that need some lie in test/integration')
  return stack
}
