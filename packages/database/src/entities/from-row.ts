import type { EntitySchema, EntitySchemaColumnOptions, ValueTransformer } from 'typeorm'

/**
 * Converts rows of an SQL statement (`… returning *`) as TypeORM's repository of the entity does: with its property names and column
 * transformers.
 */
export function rowReader<T>(entity: EntitySchema<T>): (row: Record<string, unknown>) => T {
  const options = Object.entries(entity.options.columns as Record<string, EntitySchemaColumnOptions>)
  const columns = options.map(([property, column]) => ({
    property,
    column: column.name ?? property,
    read: (column.transformer as ValueTransformer | undefined)?.from ?? ((value: unknown) => value),
  }))
  return (row) => Object.fromEntries(columns.map(({ property, column, read }) => [property, read(row[column])])) as T
}
