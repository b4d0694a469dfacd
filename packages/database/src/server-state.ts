import { migrationsTable } from './migrating.ts'
import type { Sessions } from './sessions.ts'

/** What Postgres says about itself, for operators. */
export interface ServerState {
  readonly now: Date
  /** It is a standby that only reads. */
  readonly isStandby: boolean
  /** Open connections to all its databases, and how many it allows to users who are not superusers. Behind a pooler, those of the pooler. */
  readonly connections: number
  readonly maxConnections: number
  /** Migrations of this version that have not run. */
  readonly pendingMigrations: readonly string[]
  /** Migrations that have run and that this version does not know. */
  readonly unknownMigrations: readonly string[]
}

/** @throws DatabaseUnavailable */
export async function serverState(sessions: Sessions): Promise<ServerState> {
  const { migrations } = await import('./migrations/index.ts') // the services do not load the migrations
  const [row, ran] = await sessions.run(async ({ rows }) => {
    const [state] = await rows(statement)
    return [state, state?.has_migrations ? await rows(`select name from ${migrationsTable} order by id`) : []] as const
  })
  const known = migrations.map(({ name }) => name)
  const done = new Set(ran.map(({ name }) => String(name)))
  return {
    now: row?.now as Date,
    isStandby: row?.is_standby === true,
    connections: Number(row?.connections),
    maxConnections: Number(row?.max_connections),
    pendingMigrations: known.filter((name) => !done.has(name)),
    unknownMigrations: [...done].filter((name) => !known.includes(name)),
  }
}

/** `reserved_connections` exists since Postgres 16. */
const statement = `
  select clock_timestamp() as now, pg_is_in_recovery() as is_standby,
    (select sum(numbackends) from pg_stat_database)::int as connections,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0) as max_connections,
    to_regclass('${migrationsTable}') is not null as has_migrations`
