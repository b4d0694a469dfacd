/** Where the database tells the person on call what happened; pino fits. */
export interface DatabaseLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface DatabaseOptions {
  /** `postgresql://user:password@host:port/name`; TLS by `?sslmode=verify-full`. */
  readonly url: string
  /** Connections at most, for this process. */
  readonly poolSize: number
  /** After this many ms the server ends a statement. Behind PgBouncer it needs `ignore_startup_parameters = statement_timeout`. */
  readonly statementTimeoutMs: number
  /** For how many ms to wait for a connection: a new one, or a free one of a pool that is used up. */
  readonly connectTimeoutMs: number
  /** How this process is called in `pg_stat_activity`. */
  readonly applicationName: string
  readonly log: DatabaseLog
}
