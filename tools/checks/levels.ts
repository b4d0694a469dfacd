/** What one package or app may import of ours. An entry with a path allows that entrance alone. */
export interface Level {
  readonly mayImport: readonly string[]
  /** Set where not even Node or a library may be imported, with the reason. */
  readonly pure?: string
}

const domain = '@airlock/domain'
const services = ['@airlock/storage', '@airlock/database', '@airlock/queue'] as const
const forApps = ['@airlock/lifecycle', ...services, domain, '@airlock/config'] as const

/**
 * Who may import whom: apps → lifecycle → storage, database, queue, inspection → domain. Levels may be skipped, nothing points
 * up, and nobody imports a neighbour on the same level. What has no row here may import nothing and be imported by nobody.
 */
export const levels = {
  'packages/domain': { mayImport: [], pure: 'the domain does no I/O and knows no library' },
  'packages/config': { mayImport: [] },
  // The video pipeline depends on the queue package alone.
  'packages/queue': { mayImport: [] },
  'packages/storage': { mayImport: [domain] },
  'packages/database': { mayImport: [domain] },
  'packages/inspection': { mayImport: [domain] },
  // `head` alone: a gateway, which runs the lifecycle, must never load an image decoder.
  'packages/lifecycle': { mayImport: [...services, '@airlock/inspection/head', domain] },
  'apps/gateway': { mayImport: forApps },
  'apps/worker': { mayImport: [...forApps, '@airlock/inspection/head', '@airlock/inspection/full', '@airlock/inspection/isolated'] },
  'apps/ops': { mayImport: [...forApps, '@airlock/inspection/head', '@airlock/inspection/full', '@airlock/inspection/isolated'] },
  // For tests, tools and benchmarks: no row above allows them.
  'packages/dev-servers': { mayImport: [] },
  'packages/testkit': { mayImport: ['@airlock/dev-servers'] },
} as const satisfies Record<string, Level>
