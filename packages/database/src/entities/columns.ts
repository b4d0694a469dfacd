import type { EntitySchema, EntitySchemaColumnOptions, ValueTransformer } from 'typeorm'

/**
 * A column with a number of bytes. Postgres' driver returns `bigint` as text, to keep it exact;
 * a size that JavaScript can't represent exactly is an error.
 */
export const byteCount: EntitySchemaColumnOptions = {
  type: 'bigint',
  nullable: true,
  transformer: { from: exactNumber, to: (value: number | null) => value },
}

/** A point in time with the precision of a JavaScript Date, so that a time that was read equals the stored one. */
export const moment: EntitySchemaColumnOptions = { type: 'timestamp with time zone', precision: 3, nullable: true }

/** A point in time whose default is the time of the insert. */
export const momentOfInsert: EntitySchemaColumnOptions = { ...moment, nullable: false, default: () => 'now()' }

/**
 * SQL for the current time, rounded as the columns of `moment` are. A time of `now()` that was stored may be rounded up, by half a millisecond at
 * most, and a statement that follows at once has to find it due.
 */
export const roundedNow = 'now()::timestamptz(3)'

/** @throws RangeError when JavaScript can't represent the number exactly */
export function exactNumber(value: string | number | null): number | null {
  if (value === null) return null
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is not an integer that JavaScript can represent exactly`)
  return number
}

/**
 * Converts rows of an SQL statement (`… returning *`) as TypeORM's repository of the entity does: with its property names and column
 * transformers. A column that the row does not have reads as null: the service may be newer than the schema.
 */
export function rowReader<T>(entity: EntitySchema<T>): (row: Record<string, unknown>) => T {
  const options = Object.entries(entity.options.columns as Record<string, EntitySchemaColumnOptions>)
  const columns = options.map(([property, column]) => ({
    property,
    column: column.name ?? property,
    read: (column.transformer as ValueTransformer | undefined)?.from ?? ((value: unknown) => value),
  }))
  return (row) => Object.fromEntries(columns.map(({ property, column, read }) => [property, read(row[column] ?? null)])) as T
}
