import { join } from 'node:path'
import { inspect } from 'node:util'
import { within } from '@airlock/dev-servers'
import type { Vitest } from 'vitest/node'
import type { NamedTest } from '../../../tools/checks/test-ids.ts'
import { patternOfTitle } from './guard.ts'

/** The results of the tests with one title. */
export interface TestRun {
  readonly passed: number
  readonly failed: number
  /** The errors of failed tests, shortened. */
  readonly why: readonly string[]
  /** Errors that prevented the file from running. */
  readonly broken: readonly string[]
}

/** Tests have their own timeouts; this one is for hooks and teardown that hang. */
const longestRunMs = 600_000

/** Runs single tests repeatedly with one set of servers. */
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
    const vitest = await createVitest('test', {
      root,
      watch: false,
      reporters: [{}],
      coverage: { enabled: false },
      retry: 0,
      isolate: true,
    })
    return new TestRuns(vitest, root)
  }

  async run({ file, title }: NamedTest): Promise<TestRun> {
    const specifications = await this.#vitest.globTestSpecifications([join(this.#root, file)])
    this.#vitest.setGlobalTestNamePattern(patternOfTitle(title))
    const running = this.#vitest.runTestSpecifications(specifications)
    const { testModules, unhandledErrors } = await within(longestRunMs, running, `'${title}' to end`)
    const modules = testModules.filter(({ moduleId }) => moduleId === join(this.#root, file))
    const ended = (state: 'passed' | 'failed') => modules.flatMap((module) => [...module.children.allTests(state)])
    const whyFailed = ended('failed').flatMap((test) => test.result().errors?.map(messageOf) ?? [])
    return {
      passed: ended('passed').length,
      failed: ended('failed').length + unhandledErrors.length,
      why: [...whyFailed, ...unhandledErrors.map(messageOf)].map((message) => message.slice(0, 300)),
      broken: modules.flatMap((module) => module.errors().map(messageOf)),
    }
  }

  /** Call it for each file that has changed since it was run. */
  changed(file: string): void {
    this.#vitest.invalidateFile(join(this.#root, file))
  }

  close(): Promise<void> {
    return this.#vitest.close()
  }
}

const messageOf = (error: unknown): string => (error as Partial<Error> | null)?.message ?? inspect(error)
