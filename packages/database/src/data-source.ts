import { AbstractLogger, DataSource } from 'typeorm'
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js'
import type { DatabaseOptions } from './options.ts'

type Where = Omit<DatabaseOptions, 'statementTimeoutMs'>
type Rest = Pick<PostgresDataSourceOptions, 'entities' | 'migrations' | 'migrationsTableName' | 'extra'>

/** A TypeORM pool that creates no schema, writes nothing to the console, and survives connections that the server closes. */
export const dataSource = ({ url, poolSize, connectTimeoutMs, applicationName, log }: Where, { extra, ...rest }: Rest): DataSource =>
  new DataSource({
    type: 'postgres',
    ...rest,
    url,
    poolSize,
    applicationName,
    connectTimeoutMS: connectTimeoutMs,
    installExtensions: false,
    logger: new Silent(),
    // Without a handler, the error of an idle connection would terminate the process.
    poolErrorHandler: (err: { client?: unknown }) => {
      delete err.client // the pool attaches the whole connection, with the key that cancels its statements
      log.warn({ err }, 'idle connection to the database lost')
    },
    extra: { keepAlive: true, ...(extra as object) },
  })

/** Errors are thrown and logged by their handlers. TypeORM's default logger would print them to the console as well. */
class Silent extends AbstractLogger {
  protected writeLog(): void {}
}
