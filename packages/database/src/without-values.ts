/** The properties of a statement's error that may contain values: TypeORM's parameters, and Postgres' messages about the row. */
const valueProperties = ['parameters', 'detail', 'where', 'internalQuery']

/**
 * Removes the values of the failed statement from an error and its causes. Errors are logged, and the values may be our users' data: file names,
 * metadata. The statement itself, the SQLSTATE and the names of table, column and constraint are kept.
 */
export function withoutValues(error: unknown): unknown {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { driverError } = current as { driverError?: unknown }
    for (const one of [current, driverError]) {
      if (one instanceof Error) for (const name of valueProperties) Reflect.deleteProperty(one, name)
    }
  }
  return error
}
