import type { EntitySchema, EntitySchemaColumnOptions, ValueTransformer } from 'typeorm'

/**
 * Turns rows of a hand-written statement (`… returning *`) into what the repository of the same entity would have read:
 * its property names, its column transformers.
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
