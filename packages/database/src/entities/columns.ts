import type { EntitySchemaColumnOptions } from 'typeorm'

/**
 * A column with bytes. Postgres' driver hands `bigint` over as text, so that nothing is lost;
 * a size that JavaScript can't hold exactly is an error, not a rounded number.
 */
export const byteCount: EntitySchemaColumnOptions = {
  type: 'bigint',
  nullable: true,
  transformer: { from: exactNumber, to: (value: number | null) => value },
}

/** A point in time, in the milliseconds that a JavaScript Date has: a time that was read can be compared with one that is stored. */
export const moment: EntitySchemaColumnOptions = { type: 'timestamp with time zone', precision: 3, nullable: true }

/** A point in time that the database itself writes when nobody does. */
export const momentOfInsert: EntitySchemaColumnOptions = { ...moment, nullable: false, default: () => 'now()' }

/** @throws RangeError when the number can't be held exactly */
export function exactNumber(value: string | number | null): number | null {
  if (value === null) return null
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is no whole number that JavaScript holds exactly`)
  return number
}
