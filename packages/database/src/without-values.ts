/** What an error of a statement says of the values that it was given: TypeORM's list of them, and Postgres' words about the row. */
const telling = ['parameters', 'detail', 'where', 'internalQuery']

/**
 * An error, and what caused it, without the values of the statement that failed. Errors end up in logs, and the values may be what our users
 * wrote: names of files, metadata. The statement itself, the SQLSTATE and the names of table, column and constraint say where to look.
 */
export function withoutValues(error: unknown): unknown {
  for (let told = error; told instanceof Error; told = told.cause) {
    const { driverError } = told as { driverError?: unknown }
    for (const one of [told, driverError]) {
      if (one instanceof Error) for (const name of telling) Reflect.deleteProperty(one, name)
    }
  }
  return error
}
