/** The packages of ours that a package or app may import. An entry with a path allows only that export. */
export interface Level {
  readonly mayImport: readonly string[]
  /** If set, not even Node or a library may be imported, for this reason. */
  readonly pure?: string
}

const domain = '@airlock/domain'
const services = ['@airlock/storage', '@airlock/database', '@airlock/queue'] as const
const forApps = ['@airlock/lifecycle', '@airlock/notifications', ...services, domain, '@airlock/config'] as const

/**
 * Allowed imports: apps → lifecycle, notifications → storage, database, queue, inspection → domain. Levels may be skipped; imports never point
 * up or to the same level. A package without a row may import nothing, and must not be imported.
 */
export const levels = {
  'packages/domain': { mayImport: [], pure: 'the domain does no I/O and knows no library' },
  'packages/config': { mayImport: [] },
  // video pipelines depend only on the queue package
  'packages/queue': { mayImport: [] },
  'packages/storage': { mayImport: [domain] },
  'packages/database': { mayImport: [domain] },
  'packages/inspection': { mayImport: [domain] },
  // only `head`: a gateway, which runs the lifecycle, must not load an image decoder
  'packages/lifecycle': { mayImport: [...services, '@airlock/inspection/head', domain] },
  'packages/notifications': { mayImport: ['@airlock/database', domain] },
  'apps/gateway': { mayImport: forApps },
  'apps/worker': { mayImport: [...forApps, '@airlock/inspection/head', '@airlock/inspection/full', '@airlock/inspection/isolated'] },
  'apps/ops': { mayImport: [...forApps, '@airlock/inspection/head', '@airlock/inspection/full', '@airlock/inspection/isolated'] },
  // for tests, tools and benchmarks: no row above allows them
  'packages/dev-servers': { mayImport: [] },
  'packages/testkit': { mayImport: ['@airlock/dev-servers', ...services, domain] },
} as const satisfies Record<string, Level>
