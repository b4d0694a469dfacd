import type { S3Address, S3Kind } from '@airlock/dev-servers'
import { inject } from 'vitest'

/** The servers of the run, as plain data for the processes of test files. */
export interface TestStack {
  /** The names of the run's migrated databases, which `isolatedDatabase` copies, begin with `templatePrefix`. */
  readonly postgres: { readonly url: string; readonly kind: string; readonly templatePrefix: string }
  readonly redis: { readonly url: string; readonly kind: string }
  readonly s3: S3Address & { readonly kind: S3Kind }
}

declare module 'vitest' {
  interface ProvidedContext {
    stack: TestStack
  }
}

/** @returns the servers of this run, which all files share: create your own database, bucket or prefix on them */
export function givenStack(): TestStack {
  const stack = inject('stack')
  if (!stack) throw new Error('No servers here: tests that need some lie in test/integration')
  return stack
}
