import type { FeedPlace } from '@airlock/database'
import { AirlockError, isUuid } from '@airlock/domain'

/** A place in the feed, in a form that consumers only keep and hand back. */
export const eventCursorText = ({ position, eventId }: FeedPlace): string =>
  Buffer.from(JSON.stringify([position, eventId])).toString('base64url')

/** @throws AirlockError `cursor_malformed` for what `eventCursorText` did not make */
export function eventCursorOf(text: string): FeedPlace {
  const place = parsed(text)
  if (place === null || eventCursorText(place) !== text) throw new AirlockError('cursor_malformed', { query: 'after', field: 'next' })
  return place
}

function parsed(text: string): FeedPlace | null {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
  if (!Array.isArray(value) || value.length !== 2) return null
  const [position, eventId] = value
  if (!Number.isSafeInteger(position) || position < 0) return null
  return eventId === null || (typeof eventId === 'string' && isUuid(eventId)) ? { position, eventId } : null
}
