import { AirlockError, isUuid } from '@airlock/domain'
import { cursorOfPair, pairOfCursor } from './cursor-pair.ts'

/** The last row of a page, of a list that is ordered by when its rows were made. */
export interface TimeCursor {
  readonly createdAt: Date
  readonly id: string
}

/** A cursor in a form that clients only hand back. It opens nothing: a list is of its caller's own, whatever it says. */
export const cursorText = ({ createdAt, id }: TimeCursor): string => cursorOfPair([createdAt.toISOString(), id])

/** @throws AirlockError `cursor_malformed` for what `cursorText` did not make */
export function cursorOf(text: string): TimeCursor {
  const cursor = parsed(text)
  if (cursor === null || cursorText(cursor) !== text) throw new AirlockError('cursor_malformed', { query: 'cursor', field: 'next_cursor' })
  return cursor
}

function parsed(text: string): TimeCursor | null {
  const [at, id] = pairOfCursor(text) ?? []
  if (typeof at !== 'string' || typeof id !== 'string' || !isUuid(id)) return null
  const createdAt = new Date(at)
  const written = /^\d{4}-/.test(at) // moments far from ours are written with a sign; Postgres does not know all of them
  return !written || Number.isNaN(createdAt.getTime()) ? null : { createdAt, id }
}
