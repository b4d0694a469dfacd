import type { FeedPlace } from '@airlock/database'
import { AirlockError, isUuid } from '@airlock/domain'

/** An id from a path, in lower case as in the database. @throws AirlockError `id_malformed` */
export function uuidOf(id: string): string {
  if (!isUuid(id)) throw new AirlockError('id_malformed', { id })
  return id.toLowerCase()
}

/**
 * A time from a query, whose format the schema has checked. RFC 3339 permits leap seconds, which Date cannot represent.
 *
 * @throws AirlockError `request_malformed`
 */
export function momentOf(name: string, text: string): Date {
  const moment = new Date(text)
  if (Number.isNaN(moment.getTime()))
    throw new AirlockError('request_malformed', { reason: `querystring/${name} is not a valid time: ${text}` })
  return moment
}

/** Longer than any valid cursor. */
export const maxCursorLength = 200

/** Two values as an opaque cursor. */
const cursorOfPair = (pair: readonly [unknown, unknown]): string => Buffer.from(JSON.stringify(pair)).toString('base64url')

/** @returns the values of a cursor, not validated; null if the text does not contain a pair */
function pairOfCursor(text: string): readonly [unknown, unknown] | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(value) && value.length === 2 ? [value[0], value[1]] : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** The last row of a page in a list ordered by creation time. */
export interface TimeCursor {
  readonly createdAt: Date
  readonly id: string
}

/** An opaque cursor. It grants no access: a list contains only rows of its caller. */
export const cursorText = ({ createdAt, id }: TimeCursor): string => cursorOfPair([createdAt.toISOString(), id])

/** @throws AirlockError `cursor_malformed` unless `cursorText` created it */
export function cursorOf(text: string): TimeCursor {
  const cursor = timeCursorIn(text)
  if (cursor === null || cursorText(cursor) !== text) throw new AirlockError('cursor_malformed', { query: 'cursor', field: 'next_cursor' })
  return cursor
}

function timeCursorIn(text: string): TimeCursor | null {
  const [at, id] = pairOfCursor(text) ?? []
  if (typeof at !== 'string' || typeof id !== 'string' || !isUuid(id)) return null
  const createdAt = new Date(at)
  const written = /^\d{4}-/.test(at) // distant years are written with a sign; Postgres does not support all of them
  return !written || Number.isNaN(createdAt.getTime()) ? null : { createdAt, id }
}

/** A position in the feed as an opaque cursor. */
export const eventCursorText = ({ position, eventId }: FeedPlace): string => cursorOfPair([position, eventId])

/** @throws AirlockError `cursor_malformed` unless `eventCursorText` created it */
export function eventCursorOf(text: string): FeedPlace {
  const place = feedPlaceIn(text)
  if (place === null || eventCursorText(place) !== text) throw new AirlockError('cursor_malformed', { query: 'after', field: 'next' })
  return place
}

function feedPlaceIn(text: string): FeedPlace | null {
  const [position, eventId] = pairOfCursor(text) ?? []
  if (typeof position !== 'number' || !Number.isSafeInteger(position) || position < 0) return null
  return eventId === null || (typeof eventId === 'string' && isUuid(eventId)) ? { position, eventId } : null
}
