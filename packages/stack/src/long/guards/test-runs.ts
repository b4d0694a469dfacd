import { join } from 'node:path'
import type { TestModule, Vitest } from 'vitest/node'
import { type GuardTest, patternOf } from './guard.ts'

/** How the tests of one title ended. */
export interface TestRun {
  readonly passed: number
  readonly failed: number
  /** What the failed ones said, shortened. */
  readonly why: readonly string[]
  /** What keeps a file from being run at all. */
  readonly broken: readonly string[]
}

/** Runs single tests again and again, on one set of servers. */
export class TestRuns {
  readonly #vitest: Vitest
  readonly #root: string

  private constructor(vitest: Vitest, root: string) {
    this.#vitest = vitest
    this.#root = root
  }

  /** @param root of the sources to test */
  static async open(root: string): Promise<TestRuns> {
    const { createVitest } = await import('vitest/node')
    const vitest = await createVitest('test', { root, watch: false, reporters: [{}], coverage: { enabled: false }, retry: 0 })
    return new TestRuns(vitest, root)
  }

  async run({ file, title }: GuardTest): Promise<TestRun> {
    const specifications = await this.#vitest.globTestSpecifications([join(this.#root, file)])
    this.#vitest.setGlobalTestNamePattern(patternOf(title))
    const { testModules, unhandledErrors } = await this.#vitest.runTestSpecifications(specifications)
    const modules = testModules.filter(({ moduleId }) => moduleId === join(this.#root, file))
    const ended = (state: 'passed' | 'failed') => modules.flatMap((module) => [...module.children.allTests(state)])
    const why = ended('failed').flatMap((test) => test.result().errors?.map(({ message }) => message.slice(0, 300)) ?? [])
    const broken = [...modules.flatMap(errorsOf), ...unhandledErrors.map(String)]
    return { passed: ended('passed').length, failed: ended('failed').length, why, broken }
  }

  /** To be said of each file that has changed since it was run. */
  changed(file: string): void {
    this.#vitest.invalidateFile(join(this.#root, file))
  }

  close(): Promise<void> {
    return this.#vitest.close()
  }
}

const errorsOf = (module: TestModule): string[] => module.errors().map(({ message }) => message)
