import { defineConfig } from 'vitest/config'

const minutes = 60_000

/** The tests of `npm run test:long`, apart from all others: one file after the other, because each measures, or needs the whole machine. */
export default defineConfig({
  test: {
    include: ['tests/long/*.test.ts'],
    setupFiles: ['packages/testkit/src/without-product-settings.ts'],
    fileParallelism: false,
    // prints what a test has measured (`annotate`), and why it was skipped
    reporters: ['verbose'],
    testTimeout: 30 * minutes,
    hookTimeout: 20 * minutes,
    teardownTimeout: 30_000,
  },
})
