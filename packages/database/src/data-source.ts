import { AbstractLogger, DataSource } from 'typeorm'
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js'
import type { DatabaseOptions } from './options.ts'

type Where = Omit<DatabaseOptions, 'statementTimeoutMs'>
type Rest = Pick<PostgresDataSourceOptions, 'entities' | 'migrations' | 'migrationsTableName' | 'extra'>

/** A pool of TypeORM that creates nothing by itself, writes nothing to the console, and outlives connections that the server ends. */
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
    // Without a handler of ours the error of an idle connection would end the process.
    poolErrorHandler: (err: { client?: unknown }) => {
      delete err.client // the pool hangs the whole connection on it, with the key that cancels its statements
      log.warn({ err }, 'connection to the database lost while idle')
    },
    extra: { keepAlive: true, ...(extra as object) },
  })

/** What fails is thrown, and whoever catches it logs it. TypeORM's own logger would print it to the console as well. */
class Silent extends AbstractLogger {
  protected writeLog(): void {}
}
