import type { EntitySchemaColumnOptions } from 'typeorm'
import { entities } from '../../src/entities/all.ts'
import { test } from '../database-test.ts'

/** The Postgres name of a column type of an entity. */
function typeOf({ array, ...column }: EntitySchemaColumnOptions): string {
  if (array) return `${typeOf(column)}[]`
  const { type, length, precision } = column
  if (type === 'varchar') return `character varying(${length})`
  if (type === 'timestamp with time zone') return `timestamp(${precision}) with time zone`
  return String(type)
}

const defaultOf = ({ default: value }: EntitySchemaColumnOptions): string | null =>
  value === undefined ? null : String(typeof value === 'function' ? value() : value)

test.for(entities.map((entity) => [entity.options.tableName, entity] as const))(
  'the entity of %s has the columns and types of the system catalogue',
  async ([table, entity], { sql, expect }) => {
    const { rows } = await sql.query(
      `select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as nullable,
         pg_get_expr(adbin, adrelid) as default,
         exists (select from pg_index where indrelid = attrelid and indisprimary and attnum = any(indkey)) as primary
       from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
       where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
      [table],
    )
    const columns = Object.entries(entity.options.columns as Record<string, EntitySchemaColumnOptions>)
    const mapped = columns.map(([property, column]) => ({
      name: column.name ?? property,
      type: typeOf(column),
      nullable: column.nullable ?? false,
      default: defaultOf(column),
      primary: column.primary ?? false,
    }))
    expect(mapped).toEqual(rows)
  },
)
