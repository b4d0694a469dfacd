import type { Tracing } from '@airlock/domain'

/** The logger that the database uses; pino fits. */
export interface DatabaseLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface DatabaseOptions {
  /** `postgresql://user:password@host:port/name`; TLS by `?sslmode=verify-full`. */
  readonly url: string
  /** The maximum of connections of this process. */
  readonly poolSize: number
  /** The time after which the server cancels a statement, in ms. PgBouncer needs `ignore_startup_parameters = statement_timeout` for it. */
  readonly statementTimeoutMs: number
  /** Whether the statements of each upload are prepared on each connection. A pooler in transaction mode has to support it. Default true. */
  readonly preparedStatements?: boolean | undefined
  /** How long to wait for a connection, in ms: a new one, or one of an exhausted pool. */
  readonly connectTimeoutMs: number
  /** The name of this process in `pg_stat_activity`. */
  readonly applicationName: string
  readonly log: DatabaseLog
  /** Makes statements spans, and stores the trace of an upload in its row; absent: neither. */
  readonly tracing?: Tracing | undefined
}
