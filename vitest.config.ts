import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Lines and branches that tests must run, in percent. Parts that hold the promises of the product have the higher floor. */
const floor = (percent: number) => ({ lines: percent, branches: percent })

/** A row for each package and app, so that a well-tested one can't hide another. Servers and tools for development are exempt: only one way to start each server runs on a machine. */
const floors = {
  'packages/async/src/**': floor(90),
  'packages/client/src/**': floor(90),
  'packages/domain/src/**': floor(90),
  'packages/lifecycle/src/**': floor(90),
  'packages/notifications/src/**': floor(90),
  'packages/storage/src/**': floor(90),
  'packages/config/src/**': floor(80),
  'packages/database/src/**': floor(80),
  'packages/inspection/src/**': floor(80),
  'packages/queue/src/**': floor(80),
  'packages/telemetry/src/**': floor(80),
  'apps/gateway/src/**': floor(80),
  'apps/ops/src/**': floor(80),
  'apps/cli/src/**': floor(80),
  'apps/worker/src/**': floor(80),
}

/** Files that take two minutes each. They begin first, so that no core waits for them in the end. */
const longest = ['tests/ci/walks.test.ts', 'apps/gateway/test/ci/schemathesis.test.ts']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { true: long = [], false: others = [] } = Object.groupBy(await super.sort(files), ({ moduleId }) =>
      String(longest.some((file) => moduleId.endsWith(file))),
    )
    return [...long, ...others]
  }
}

/** Tests that put a module of ours into the place of another. */
const mocking = '{packages,apps}/*/test/unit/**/*.mocked.test.ts'

/** Of packages, apps and tools, and those that belong to none of them. */
const testsIn = (name: string) => [`{{packages,apps}/*,tools,bench}/test/${name}/**/*.test.ts`, `tests/${name}/**/*.test.ts`]

/**
 * Tests on real servers, which lie in the folder of this name.
 *
 * @param groupOrder projects of a higher number begin after all of a lower one: what measures times or loads the machine runs apart from the rest
 */
const onServers = (name: string, groupOrder = 0) => ({
  extends: true as const,
  test: {
    name,
    include: testsIn(name),
    sequence: { groupOrder },
    globalSetup: ['packages/testkit/src/global-setup.ts'],
    isolate: false,
    // Tells what is stuck from what is slow, also on a machine that others load; no test measures speed by it.
    testTimeout: 60_000,
    // Real servers on a machine that others may load: what fails twice in a row is broken. The summary of npm test names each that needed it.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 90_000,
  },
})

export default defineConfig({
  test: {
    // Files share a process, one after the other, and what it has loaded: half of the time went into loading the same modules again.
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: testsIn('unit'),
          exclude: [mocking],
          isolate: false,
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        // What is mocked for one file must not be there for the next.
        test: { name: 'unit-mocked', include: [mocking], testTimeout: 30_000 },
      },
      onServers('integration'),
      // What takes longer than the others or much processor time: CI runs them, `npm test` does not.
      onServers('ci', 1),
      // What takes minutes, by the number of uploads or because whole processes are frozen and restarted: `npm run test:long -- slow`.
      onServers('slow'),
    ],
    // Most of these tests wait for servers, or for a time to pass, rather than for a core.
    maxWorkers: 2 * Math.max(2, availableParallelism()),
    setupFiles: ['packages/testkit/src/without-product-settings.ts'],
    teardownTimeout: 30_000,
    sequence: { sequencer: LongestFirst },
    coverage: {
      provider: 'v8',
      include: ['{packages,apps}/*/src/**/*.ts'],
      // Chromium runs the try page, and the two files of the client that are for browsers only.
      exclude: ['packages/{dev-servers,testkit}/**', 'packages/client/src/{browser,index}.ts', 'apps/try-page/**', '**/main.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: floors,
    },
  },
})
