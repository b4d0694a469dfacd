import type { FeedPlace } from '@airlock/database'
import { AirlockError, isUuid } from '@airlock/domain'
import { cursorOfPair, pairOfCursor } from './cursor-pair.ts'

/** A position in the feed as an opaque cursor. */
export const eventCursorText = ({ position, eventId }: FeedPlace): string => cursorOfPair([position, eventId])

/** @throws AirlockError `cursor_malformed` unless `eventCursorText` created it */
export function eventCursorOf(text: string): FeedPlace {
  const place = parsed(text)
  if (place === null || eventCursorText(place) !== text) throw new AirlockError('cursor_malformed', { query: 'after', field: 'next' })
  return place
}

function parsed(text: string): FeedPlace | null {
  const [position, eventId] = pairOfCursor(text) ?? []
  if (typeof position !== 'number' || !Number.isSafeInteger(position) || position < 0) return null
  return eventId === null || (typeof eventId === 'string' && isUuid(eventId)) ? { position, eventId } : null
}
