declare module 'vitest' {
  interface TaskMeta {
    /** Stable: docs and guards refer to the test by it (tools/checks/test-ids.ts). */
    id?: string
  }
}

export {}
