import type { EventRecord } from '@airlock/database'
import { toldEvent } from '../told-event.ts'

/** An event as endpoints get it: the same bytes at each attempt. */
export const messageOf = (event: EventRecord): string => JSON.stringify(toldEvent(event))
