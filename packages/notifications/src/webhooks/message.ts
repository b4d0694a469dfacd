import type { EventRecord } from '@airlock/database'
import { publishedEvent } from '../published-event.ts'

/** The body of an event's webhook: the same bytes in each attempt. */
export const messageOf = (event: EventRecord): string => JSON.stringify(publishedEvent(event))
