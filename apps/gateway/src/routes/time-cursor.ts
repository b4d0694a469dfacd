import { AirlockError, isUuid } from '@airlock/domain'
import { cursorOfPair, pairOfCursor } from './cursor-pair.ts'

/** The last row of a page in a list ordered by creation time. */
export interface TimeCursor {
  readonly createdAt: Date
  readonly id: string
}

/** An opaque cursor. It grants no access: a list contains only rows of its caller. */
export const cursorText = ({ createdAt, id }: TimeCursor): string => cursorOfPair([createdAt.toISOString(), id])

/** @throws AirlockError `cursor_malformed` unless `cursorText` created it */
export function cursorOf(text: string): TimeCursor {
  const cursor = parsed(text)
  if (cursor === null || cursorText(cursor) !== text) throw new AirlockError('cursor_malformed', { query: 'cursor', field: 'next_cursor' })
  return cursor
}

function parsed(text: string): TimeCursor | null {
  const [at, id] = pairOfCursor(text) ?? []
  if (typeof at !== 'string' || typeof id !== 'string' || !isUuid(id)) return null
  const createdAt = new Date(at)
  const written = /^\d{4}-/.test(at) // distant years are written with a sign; Postgres does not support all of them
  return !written || Number.isNaN(createdAt.getTime()) ? null : { createdAt, id }
}
