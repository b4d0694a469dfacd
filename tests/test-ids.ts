import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

declare module 'vitest' {
  interface TaskMeta {
    /** Stable: docs and guards refer to the test by it. */
    id?: string
  }
}

/** A test with a stable id. */
export interface NamedTest {
  /** Relative to the root of the repository. */
  readonly file: string
  /** As in the source, with its placeholders. */
  readonly title: string
}

/** A title, and `meta: { id }` in the options after it. */
const withId = /(['"`])((?:\\.|(?!\1)[^\\])*)\1\s*,\s*\{(?:\s*\.\.\.\w+,)?\s*meta: \{ id: '([\w-]+)' \}/g

/**
 * Finds the tests with a stable id, by which docs and guards refer to them: titles and files may change, ids do not.
 *
 * @example test('a claim whose answer is lost is made again', { meta: { id: 'claim-answer-lost' } }, async () => …)
 * @throws Error  two tests have the same id
 */
export function testsById(root: string): Map<string, NamedTest> {
  const tests = new Map<string, NamedTest>()
  for (const file of globSync('{{packages,apps}/*/test,tools/test,tests/{unit,integration,ci,slow}}/**/*.ts', { cwd: root })) {
    for (const [, , title = '', id = ''] of readFileSync(join(root, file), 'utf8').matchAll(withId)) {
      const other = tests.get(id)
      if (other !== undefined) throw new Error(`the test id '${id}' is used twice: in ${other.file} and in ${file}`)
      tests.set(id, { file, title })
    }
  }
  return tests
}
