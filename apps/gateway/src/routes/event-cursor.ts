import type { FeedPlace } from '@airlock/database'
import { AirlockError, isUuid } from '@airlock/domain'
import { cursorOfPair, pairOfCursor } from './cursor-pair.ts'

/** A place in the feed, in a form that consumers only keep and hand back. */
export const eventCursorText = ({ position, eventId }: FeedPlace): string => cursorOfPair([position, eventId])

/** @throws AirlockError `cursor_malformed` for what `eventCursorText` did not make */
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
